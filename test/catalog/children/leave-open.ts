import { SqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts'
import { aFile, anOwner } from '../fixtures.ts'

// Opens a catalog, uses it, and has nothing more to do.
const catalog = await SqliteCatalog.open(process.argv[2]!)
await catalog.createFile(aFile(anOwner(), 'x'))
process.stdout.write('done\n')
