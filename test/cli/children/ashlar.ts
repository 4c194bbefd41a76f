import { enableCompileCache } from 'node:module'

enableCompileCache()
const { ashlar } = await import('../../../src/cli/ashlar.ts')
await ashlar(process.argv.slice(2))
