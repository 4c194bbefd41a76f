import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  eachManifestChunk,
  readManifest,
  writeConfirmation,
  writeManifest,
} from '../../../src/files/manifests/file-manifest.ts'
import { parseDigest } from '../../../src/model/digest.ts'
import { parseFileId, parseFileName, defaultSpace } from '../../../src/model/file.ts'
import { MiB } from '../../http/sample.ts'

const file = {
  id: parseFileId(randomUUIDv7()),
  space: defaultSpace,
  name: parseFileName('a/ß "x".txt'),
  size: 3 * MiB + 1,
  mediaType: 'text/plain; charset=utf-8',
  digest: parseDigest('ab'.repeat(32)),
  createdAt: 1000,
  modifiedAt: 2000,
  metadata: { 'a key': 'line\nbreak' },
}
const chunks = { sizes: [2 * MiB, MiB + 1], blockDigests: randomBytes(128) }

describe('a manifest', () => {
  it('is read as it was written', () => {
    const manifest = { id: file.id, file, start: 0, chunks }
    expect(readManifest(writeManifest(manifest).toString())).toEqual(manifest)
  })

  it('of a group says so, and is confirmed by another that tells nothing else', () => {
    const manifest = { id: file.id, file, group: 'a group', start: 0, chunks }
    expect(readManifest(writeManifest(manifest).toString())).toEqual(manifest)
    const confirmation = { id: file.id, group: 'a group' }
    expect(readManifest(writeConfirmation(confirmation).toString())).toEqual(confirmation)
  })

  it('says the block digests of each chunk', () => {
    const { blockDigests } = chunks
    expect([...eachManifestChunk(chunks)]).toEqual([
      { size: 2 * MiB, blockDigests: blockDigests.subarray(0, 64) },
      { size: MiB + 1, blockDigests: blockDigests.subarray(64) },
    ])
  })

  it('is one of several pages', () => {
    const manifest = { id: file.id, start: 17, chunks }
    expect(readManifest(writeManifest(manifest).toString())).toEqual(manifest)
  })

  it('of an empty file has no chunks', () => {
    const manifest = {
      id: file.id,
      file: { ...file, size: 0 },
      start: 0,
      chunks: { sizes: [], blockDigests: Buffer.alloc(0) },
    }
    expect(readManifest(writeManifest(manifest).toString())).toEqual(manifest)
  })

  it('is refused if any byte of it is another', () => {
    const bytes = writeManifest({ id: file.id, file, start: 0, chunks })
    for (let at = 0; at < bytes.length - 1; at++) {
      const damaged = Buffer.from(bytes)
      damaged[at]! ^= 1
      expect(() => readManifest(damaged.toString('latin1'))).toThrow(
        expect.objectContaining({ code: 'corrupt' }),
      )
    }
  })

  it.each([0, 1, 100, -2])('is refused if it is cut to %i bytes', (length) => {
    const bytes = writeManifest({ id: file.id, file, start: 0, chunks }).subarray(0, length || undefined)
    const cut = length === 0 ? '' : bytes.toString()
    expect(() => readManifest(cut)).toThrow(expect.objectContaining({ code: 'corrupt' }))
  })

  it('is refused if its chunks and their block digests do not fit', () => {
    const bytes = writeManifest({
      id: file.id,
      file,
      start: 0,
      chunks: { sizes: [MiB], blockDigests: randomBytes(64) },
    })
    expect(() => readManifest(bytes.toString())).toThrow(expect.objectContaining({ code: 'corrupt' }))
  })
})
