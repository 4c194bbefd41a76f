import fs from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Location } from '../../model/chunk.ts'
import { parseDigest } from '../../model/digest.ts'
import type { StoredChunk } from '../chunk-store.ts'
import { callFs, isAbsence } from './fs-calls.ts'
import { tryParseLocation, locationInPack, type ParsedLocation } from './chunk-path.ts'
import { readPackHeader } from './packs/read-pack-header.ts'

/** The digest of chunks whose digest nobody can tell. */
const unknownDigest = parseDigest('0'.repeat(64))

/** The content of a shard, sorted by path. Files with other names are not ours. */
export async function listShard(directory: string, shard: string): Promise<readonly ParsedLocation[]> {
  const names = await readdir(join(directory, shard))
  return names
    .sort()
    .map((name) => tryParseLocation(`${shard}/${name}`))
    .filter((parsed) => parsed !== undefined)
}

/** The chunks at a location, sorted; none if it is gone by now. */
export async function chunksAt(directory: string, parsed: ParsedLocation): Promise<readonly StoredChunk[]> {
  const path = join(directory, parsed.path)
  try {
    const found = await lstat(path)
    if (!found.isFile()) return []
    const whole = { location: parsed.path as Location, size: found.size }
    if (parsed.kind === 'file') return [{ ...whole, digest: parsed.digest }]
    if (parsed.kind === 'temporary') return [{ ...whole, digest: unknownDigest }]
    return (await chunksOfPack(path, parsed.path)) ?? [{ ...whole, digest: unknownDigest, isDamaged: true }]
  } catch (error) {
    if (await isAbsence(error, path)) return []
    throw error
  }
}

async function chunksOfPack(path: string, packPath: string): Promise<readonly StoredChunk[] | undefined> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants
  const fd = await callFs<number>((done) => fs.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, done))
  try {
    const header = await readPackHeader(fd)
    return (
      header &&
      Array.from(header.values(), ({ number, digest, size }) => ({
        location: locationInPack(packPath, number),
        digest,
        size,
      }))
    )
  } finally {
    await callFs((done) => fs.close(fd, done))
  }
}
