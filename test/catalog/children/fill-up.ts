import { SqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts'
import { aFile, aSpace, named } from '../fixtures.ts'

// Creates files until one is refused, and prints what is true then. The parent has limited the
// sizes of files.
const catalog = await SqliteCatalog.open(process.argv[2]!)
const space = aSpace()
const metadata = { large: 'x'.repeat(20_000) }
const codeOf = async (call: Promise<unknown>) =>
  call.then(
    () => 'fulfilled',
    (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
  )

let created = 0
let refused = 'fulfilled'
while (created < 10_000 && refused === 'fulfilled') {
  refused = await codeOf(catalog.createFile(aFile(space, `x${created}`, { metadata })))
  if (refused === 'fulfilled') created++
}
const later = await codeOf(catalog.createFile(aFile(space, 'small')))
const lastFound = await catalog.findFile(space, { name: named(`x${created - 1}`) })
const refusedFound = await catalog.findFile(space, { name: named(`x${created}`) })
await codeOf(catalog.close())
process.stdout.write(
  JSON.stringify({
    refused,
    later,
    hasLast: lastFound !== undefined,
    hasRefused: refusedFound !== undefined,
  }),
)
