import { blake3 } from '@napi-rs/blake-hash'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { blockBytes, bytesOfDigest, digestBytes, digestOfBytes, parseDigest } from '../../src/model/digest.ts'
import { BlockHasher, digestOfBlock, digestOfChunk, FileHasher } from '../../src/model/hashers.ts'
import { runs } from '../support/runs.ts'

// Every byte of a block differs from its neighbours', and every block from the others.
const bytes = Buffer.alloc(3 * blockBytes + 1)
for (let at = 0; at < bytes.length; at += 4)
  bytes.writeUInt32LE(Math.imul(at + 1, 2654435761) >>> 0, Math.min(at, bytes.length - 4))

const blocksOf = (chunk: Buffer) =>
  Array.from({ length: Math.ceil(chunk.length / blockBytes) }, (_, n) =>
    chunk.subarray(n * blockBytes, (n + 1) * blockBytes),
  )

const digestsOf = (chunk: Buffer) => Buffer.concat(blocksOf(chunk).map((block) => blake3(block)))

describe('a digest', () => {
  const hex = fc.uint8Array({ minLength: digestBytes, maxLength: digestBytes })

  it('goes to bytes and to text and back', () => {
    fc.assert(
      fc.property(hex, (raw) => {
        const digest = digestOfBytes(raw)
        expect(parseDigest(digest)).toBe(digest)
        expect(Uint8Array.from(bytesOfDigest(digest))).toEqual(raw)
      }),
    )
  })

  it('is taken from the part of a buffer that it is given', () => {
    const whole = Uint8Array.from({ length: 40 }, (_, at) => at)
    expect(digestOfBytes(whole.subarray(4, 36))).toBe(Buffer.from(whole).toString('hex', 4, 36))
    expect(digestOfBlock(new Uint8Array(bytes).subarray(5, 500))).toEqual(blake3(bytes.subarray(5, 500)))
  })

  it.each([
    '',
    'a'.repeat(63),
    'a'.repeat(65),
    'A'.repeat(64),
    'g'.repeat(64),
    `${'a'.repeat(64)}\n`,
    ` ${'a'.repeat(63)}`,
  ])('is not %j', (text) => {
    expect(() => parseDigest(text)).toThrow(TypeError)
  })

  it.each([0, 31, 33])('does not have %d bytes', (length) => {
    expect(() => digestOfBytes(new Uint8Array(length))).toThrow('a digest has 32 bytes')
  })
})

describe('BlockHasher', () => {
  it.each([0, 1, blockBytes - 1, blockBytes, blockBytes + 1, 2 * blockBytes, 3 * blockBytes + 1])(
    'has the digest of each block of %d bytes',
    (length) => {
      const chunk = bytes.subarray(0, length)
      const hasher = new BlockHasher()
      hasher.update(chunk)
      expect(hasher.finish()).toEqual(digestsOf(chunk))
    },
  )

  it('does not care how the bytes are cut', () => {
    const place = fc.oneof(
      fc.nat({ max: bytes.length }),
      // Cuts at and beside the edges of blocks, which chance alone would hardly find.
      fc
        .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: -1, max: 1 }))
        .map(([block, by]) => block * blockBytes + by),
    )
    fc.assert(
      fc.property(fc.array(place), fc.nat({ max: bytes.length }), (places, length) => {
        const chunk = bytes.subarray(0, length)
        const cuts = [
          0,
          ...places.map((at) => Math.min(Math.max(at, 0), length)).sort((a, b) => a - b),
          length,
        ]
        const hasher = new BlockHasher()
        cuts.forEach((cut, n) => hasher.update(chunk.subarray(cuts[n - 1] ?? 0, cut)))
        expect(
          hasher.finish().equals(Buffer.concat(blocksOf(chunk).map((block) => digestOfBlock(block)))),
        ).toBe(true)
      }),
      { numRuns: runs(50) },
    )
  })

  it('starts over after finish', () => {
    const hasher = new BlockHasher()
    hasher.update(bytes.subarray(0, blockBytes + 7))
    hasher.finish()
    expect(hasher.finish()).toHaveLength(0)
    hasher.update(bytes.subarray(0, 7))
    expect(hasher.finish()).toEqual(blake3(bytes.subarray(0, 7)))
  })

  it('takes plain arrays that are part of a larger one', () => {
    const hasher = new BlockHasher()
    hasher.update(new Uint8Array(bytes).subarray(3, 100))
    expect(hasher.finish()).toEqual(blake3(bytes.subarray(3, 100)))
  })
})

describe('the digest of a chunk and of a file', () => {
  const chunks = [bytes.subarray(0, 2 * blockBytes), bytes.subarray(2 * blockBytes)]

  it('are BLAKE3 over the digests one level below', () => {
    const hasher = new FileHasher()
    for (const chunk of chunks) hasher.add(digestOfChunk(digestsOf(chunk)))
    const ofChunks = chunks.map((chunk) => blake3(digestsOf(chunk)))
    expect(digestOfChunk(digestsOf(bytes))).toBe(blake3(digestsOf(bytes)).toString('hex'))
    expect(hasher.digest()).toBe(blake3(Buffer.concat(ofChunks)).toString('hex'))
  })

  it('are BLAKE3 of nothing for an empty file', () => {
    // The first 32 bytes of the first of BLAKE3's own test vectors.
    expect(new FileHasher().digest()).toBe('af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262')
  })

  it('depend on the order of what they cover', () => {
    const [one, other] = chunks.map((chunk) => digestOfChunk(digestsOf(chunk)))
    if (!one || !other) throw new Error('two chunks were expected')
    const forth = new FileHasher()
    const back = new FileHasher()
    for (const chunk of [one, other]) forth.add(chunk)
    for (const chunk of [other, one]) back.add(chunk)
    expect(forth.digest()).not.toBe(back.digest())
  })

  it('tell the same bytes apart by how they are cut into chunks', () => {
    const asOne = new FileHasher()
    asOne.add(digestOfChunk(digestsOf(bytes)))
    const asTwo = new FileHasher()
    for (const chunk of chunks) asTwo.add(digestOfChunk(digestsOf(chunk)))
    expect(asOne.digest()).not.toBe(asTwo.digest())
  })

  it('are never that of the level below, also with one block and one chunk', () => {
    const block = bytes.subarray(0, 100)
    const chunk = digestOfChunk(blake3(block))
    const file = new FileHasher()
    file.add(chunk)
    expect(new Set([blake3(block).toString('hex'), chunk, file.digest()]).size).toBe(3)
  })
})
