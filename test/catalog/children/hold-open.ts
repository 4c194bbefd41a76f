import { SqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts'
import { aFile } from '../fixtures.ts'
import type { Space } from '../../../src/model/file.ts'

// Opens a catalog, creates a file, says so, and stays until it is killed.
const [path, space] = process.argv.slice(2)
const catalog = await SqliteCatalog.open(path!)
await catalog.createFile(aFile(space as Space, 'acknowledged'))
setInterval(() => {}, 60_000)
process.stdout.write('created\n')
