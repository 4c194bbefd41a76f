import { ashlar } from '../../../src/cli/ashlar.ts'

await ashlar(process.argv.slice(2))
