import { openPostgresCatalog } from '../../../src/catalog/postgres/open-postgres-catalog.ts'
import { aFile, aSpace } from '../../catalog/fixtures.ts'

// Opens a catalog, uses it, and has nothing more to do.
const catalog = await openPostgresCatalog(process.argv[2]!)
await catalog.createFile(aFile(aSpace(), 'x'))
process.stdout.write('done\n')
