import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { chartOf } from './chart.ts'
import { describeMachine } from './machine.ts'
import { tableOf } from './report.ts'
import type { Row, Suite } from './row.ts'

export interface Run {
  readonly command: string
  /** ISO 8601. */
  readonly at: string
  readonly machine: string
  readonly rows: readonly Row[]
}

const docs = fileURLToPath(new URL('../docs', import.meta.url))
const usage = 'Takes, behind --, [--short] [--only <suite>]… [--out <directory>]'

/**
 * Runs suites one after the other, prints their rows, and writes all of them as JSON, as a table
 * and as a chart: into docs/ if nothing was left out, else where that takes no honest run's place.
 * A suite that fails keeps no other from running, and fails the whole in the end.
 */
export async function runSuites(
  command: 'bench' | 'bench-peers',
  suites: Readonly<Record<string, Suite>>,
): Promise<void> {
  // As the server sizes it, with its default settings; read when the first asynchronous call is
  // made.
  process.env['UV_THREADPOOL_SIZE'] ??= '22'
  const flags = readFlags(command, suites)
  if (!flags) return
  const { isShort, names, out } = flags
  const rows: Row[] = []
  const failed: string[] = []
  const begun = performance.now()
  for (const name of names) {
    const begunSuite = performance.now()
    try {
      const measured = await suites[name]!({ isShort })
      rows.push(...measured)
      console.log(`\n## ${name} (${seconds(begunSuite)} s)\n\n${tableOf(measured)}`)
    } catch (error) {
      failed.push(name)
      console.error(`\n## ${name} failed\n`, error)
    }
  }
  const targeted = rows.filter(({ target }) => target)
  if (targeted.length > 0) console.log(`\n## targets\n\n${tableOf(targeted)}`)
  const note = isShort ? '; so short a run proves that all of it runs, and nothing else' : ''
  console.log(`\n${describeMachine()}; ${seconds(begun)} s${note}`)
  if (failed.length > 0) {
    console.error(`failed: ${failed.join(', ')}; nothing is written`)
    process.exitCode = 1
  } else {
    await write({ command, at: new Date().toISOString(), machine: describeMachine(), rows }, out)
  }
}

interface Flags {
  readonly isShort: boolean
  readonly names: readonly string[]
  readonly out: string
}

/** Where they make no sense, says so and what would. */
function readFlags(command: string, suites: Readonly<Record<string, Suite>>): Flags | undefined {
  try {
    const { values } = parseArgs({
      options: {
        short: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true },
        out: { type: 'string' },
      },
    })
    const names = values.only ?? Object.keys(suites)
    const unknown = names.find((name) => !suites[name])
    if (unknown !== undefined) throw new Error(`There is no suite ${unknown}.`)
    const isWhole = !values.short && !values.only
    const out = values.out ?? (isWhole ? docs : join(tmpdir(), `ashlar-${command}`))
    return { isShort: values.short, names, out }
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}\nSuites: ${Object.keys(suites).join(', ')}`)
    process.exitCode = 2
    return undefined
  }
}

async function write(run: Run, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  const path = join(directory, run.command)
  await writeFile(`${path}.json`, `${JSON.stringify(run, undefined, 2)}\n`)
  await writeFile(`${path}.md`, pageOf(run))
  await writeFile(`${path}.svg`, chartOf(run))
  console.log(`written: ${path}.json, .md, .svg`)
}

function pageOf({ command, at, machine, rows }: Run): string {
  const parts = [`# npm run ${command.replace('-', ':')}\n\n${machine}, ${at.slice(0, 10)}`]
  for (const [suite, ofSuite] of Map.groupBy(rows, (row) => row.suite)) {
    parts.push(`## ${suite}\n\n${tableOf(ofSuite)}`)
  }
  return `${parts.join('\n\n')}\n`
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(0)
}
