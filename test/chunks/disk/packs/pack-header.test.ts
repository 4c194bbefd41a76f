import { describe, expect, it } from 'vitest'
import {
  maxEntries,
  maxHeaderBytes,
  packHeaderBytes,
  parseLastPackHeader,
  parsePackHeader,
  writePackHeader,
} from '../../../../src/chunks/disk/packs/pack-header.ts'
import { sampleChunk } from '../../sample-chunk.ts'

const entries = (count: number) =>
  Array.from({ length: count }, (_, index) => {
    const { digest, bytes } = sampleChunk(index * 257, index)
    return { number: index, digest, size: bytes.length }
  })

describe('the header of a pack', () => {
  it.each([1, 2, 40, maxEntries])('tells of %d chunks, and of nothing else', (count) => {
    const header = writePackHeader(entries(count))
    expect(packHeaderBytes(header)).toBe(header.length)
    const read = [...parsePackHeader(Buffer.concat([header, Buffer.from('more')]))!.values()]
    let offset = header.length
    for (const [index, { number, digest, size }] of entries(count).entries()) {
      expect(read[index]).toEqual({ number, digest, size, offset })
      offset += size
    }
    expect(read).toHaveLength(count)
  })

  it('is as long as it may be when the pack is full', () => {
    expect(writePackHeader(entries(maxEntries))).toHaveLength(maxHeaderBytes)
  })

  it('can be read by people', () => {
    const { digest } = sampleChunk(10)
    const lines = writePackHeader([{ number: 7, digest, size: 10 }])
      .toString()
      .split('\n')
    expect(lines.slice(0, 2)).toEqual([
      'ashlar pack 1: 001 chunks, each with number, digest, size and offset',
      `007 ${digest} 00010 0000217`,
    ])
    expect(lines[2]).toMatch(/^[0-9a-f]{64}$/)
    expect(lines.slice(3)).toEqual([''])
  })

  it('is none with any bit flipped, nor cut short anywhere', () => {
    const header = writePackHeader(entries(3))
    for (let at = 0; at < header.length; at++) {
      const damaged = Buffer.from(header)
      damaged[at] = damaged[at]! ^ 1
      expect(parsePackHeader(damaged)).toBeUndefined()
      expect(parsePackHeader(header.subarray(0, at))).toBeUndefined()
    }
  })

  it('is found at the end, behind chunks that look like one', () => {
    const other = writePackHeader(entries(2))
    const header = writePackHeader(entries(3))
    expect(parseLastPackHeader(Buffer.concat([other, header]))).toEqual(parsePackHeader(header))
    expect(parseLastPackHeader(Buffer.concat([header, other.subarray(0, -1)]))).toBeUndefined()
    expect(parseLastPackHeader(Buffer.from('nothing'))).toBeUndefined()
  })
})
