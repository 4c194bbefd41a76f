import { openPostgresCatalog } from '../../../src/catalog/postgres/open-postgres-catalog.ts'
import { aFile, anOwner } from '../../catalog/fixtures.ts'

// Opens a catalog, uses it, and has nothing more to do.
const catalog = await openPostgresCatalog(process.argv[2]!)
await catalog.createFile(aFile(anOwner(), 'x'))
process.stdout.write('done\n')
