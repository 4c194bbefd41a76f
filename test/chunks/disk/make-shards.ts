import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { shardNames } from '../../../src/chunks/disk/chunk-path.ts'

/** Makes the directory of a store as it is once every shard has been written to. */
export function makeShards(directory: string): void {
  for (const name of shardNames) mkdirSync(join(directory, name))
}
