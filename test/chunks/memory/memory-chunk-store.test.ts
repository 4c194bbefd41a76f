import { MemoryChunkStore } from '../../../src/chunks/memory/memory-chunk-store.ts'
import { describeChunkStore } from '../describe-chunk-store.ts'

describeChunkStore('memory', async () => new MemoryChunkStore())
