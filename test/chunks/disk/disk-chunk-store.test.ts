import { DiskChunkStore } from '../../../src/chunks/disk/disk-chunk-store.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { describeChunkStore } from '../describe-chunk-store.ts'

describeChunkStore('disk', async () => DiskChunkStore.open(await temporaryDirectory()))
