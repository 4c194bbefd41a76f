import { SqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts'
import { aFile, aSpace } from '../fixtures.ts'

// Opens a catalog, uses it, and has nothing more to do.
const catalog = await SqliteCatalog.open(process.argv[2]!)
await catalog.createFile(aFile(aSpace(), 'x'))
process.stdout.write('done\n')
