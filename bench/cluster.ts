import { parseArgs } from 'node:util'
import { throughOneNode } from './cluster/through-one-node.ts'
import { describeMachine } from './machine.ts'
import { tableOf } from './report.ts'

const { values } = parseArgs({ options: { short: { type: 'boolean', default: false } } })
const rows = await throughOneNode({ isShort: values.short })
console.log(`\n${tableOf(rows)}\n\n${describeMachine()}`)
