import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BodyDigests } from '../../../src/http/headers/body-digests.ts'
import { expectedDigests } from '../../../src/http/headers/expected-digests.ts'

const body = Buffer.from('hello')
const base64 = (algorithm: string) => createHash(algorithm).update(body).digest('base64')
const [sha256, sha512, md5, sha1] = ['sha256', 'sha512', 'md5', 'sha1'].map(base64)
const right = (algorithm: string, header: string) => ({
  algorithm,
  bytes: createHash(algorithm).update(body).digest(),
  header,
})

describe('digests in headers', () => {
  it.each([
    [{}, []],
    [{ 'content-md5': md5 }, [right('md5', 'Content-MD5')]],
    [{ 'repr-digest': `sha-256=:${sha256}:` }, [right('sha256', 'Repr-Digest')]],
    [{ 'content-digest': `sha-512=:${sha512}:` }, [right('sha512', 'Content-Digest')]],
    [
      { 'repr-digest': `md5=:${md5}:,sha=:${sha1}:` },
      [right('md5', 'Repr-Digest'), right('sha1', 'Repr-Digest')],
    ],
    [{ 'repr-digest': `crc32c=:AAAAAA==: ,\tsha-256=:${sha256}:` }, [right('sha256', 'Repr-Digest')]],
    [
      { 'repr-digest': `sha-256=:${sha256}:;a;b=1; c="x\\"y";d=?1;e=f/g;h=:AA==:` },
      [right('sha256', 'Repr-Digest')],
    ],
    [{ 'repr-digest': `sha-256=:AA==:, sha-256=:${sha256}:` }, [right('sha256', 'Repr-Digest')]],
    [
      { 'repr-digest': [`sha-256=:${sha256}:`, `md5=:${md5}:`] },
      [right('sha256', 'Repr-Digest'), right('md5', 'Repr-Digest')],
    ],
    [
      { 'content-md5': md5, 'content-digest': `sha-256=:${sha256}:`, 'repr-digest': `sha-256=:${sha256}:` },
      [right('sha256', 'Repr-Digest'), right('sha256', 'Content-Digest'), right('md5', 'Content-MD5')],
    ],
  ])('%j', (headers, expected) => {
    expect(expectedDigests(headers)).toEqual(expected)
  })

  it.each([
    ['', 'must be of the form'],
    ['sha-256', 'must be of the form'],
    ['sha-256=', 'must be of the form'],
    [`sha-256=${sha256}`, 'must be of the form'],
    [`sha-256=:${sha256}`, 'must be of the form'],
    [`sha-256="${sha256}"`, 'must be of the form'],
    [`SHA-256=:${sha256}:`, 'must be of the form'],
    [`sha-256=:${sha256}:,`, 'must be of the form'],
    [`,sha-256=:${sha256}:`, 'must be of the form'],
    [`sha-256=:${sha256}: x`, 'must be of the form'],
    [`sha-256=:${sha256}:;`, 'must be of the form'],
    [`sha-256 =:${sha256}:`, 'must be of the form'],
    [`sha-256=:${sha256}: sha-512=:${sha512}:`, 'must be of the form'],
    [`sha-256=:${sha256?.replaceAll('=', '-')}:`, 'must be of the form'],
    [`sha-256=:${sha256}:, x=1`, 'must be of the form'],
    ['sha-256=::', 'of 0 bytes where sha256 has 32'],
    ['sha-256=:AAAA:', 'of 3 bytes where sha256 has 32'],
    [`sha-256=:${sha512}:`, 'of 64 bytes where sha256 has 32'],
    [`sha-512=:${sha256}:`, 'of 32 bytes where sha512 has 64'],
    [`sha-256=:${sha256}:, md5=:AAAA:`, 'of 3 bytes where md5 has 16'],
    ['crc32c=:AAAAAA==:', 'send sha-256, sha-512, md5, sha'],
    ['unixsum=:AAA=:, id-sha-256=:AAAA:', 'send sha-256, sha-512, md5, sha'],
  ])('%j is refused: %s', (value, problem) => {
    for (const header of ['Repr-Digest', 'Content-Digest']) {
      expect(() => expectedDigests({ [header.toLowerCase()]: value })).toThrow(
        expect.objectContaining({
          code: 'invalid_digest',
          message: expect.stringMatching(new RegExp(`^${header} .*${problem}`)) as string,
        }),
      )
    }
  })

  it.each(['', '!', 'AAAA', `${md5},${md5}`, `:${md5}:`, sha256, '5d41402abc4b2a76b9719d911017c592'])(
    'Content-MD5 %j is refused',
    (value) => {
      expect(() => expectedDigests({ 'content-md5': value })).toThrow(
        expect.objectContaining({
          code: 'invalid_digest',
          message: expect.stringContaining('Content-MD5') as string,
        }),
      )
    },
  )

  it('that are unknown in one header are not made good by another', () => {
    expect(() => expectedDigests({ 'repr-digest': 'crc32c=:AAAAAA==:', 'content-md5': md5 })).toThrow(
      /^Repr-Digest has no/,
    )
  })

  it('take time in proportion to their length', () => {
    const begin = performance.now()
    const long = `sha-256=:${sha256}:${'; '.repeat(100_000)}${' '.repeat(100_000)}!`
    expect(() => expectedDigests({ 'repr-digest': long })).toThrow('must be of the form')
    expect(performance.now() - begin).toBeLessThan(1000)
  })
})

describe('a body', () => {
  const all = { 'repr-digest': `sha-256=:${sha256}:, sha-512=:${sha512}:, sha=:${sha1}:`, 'content-md5': md5 }

  it('that is what its headers say passes, in pieces of any size', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: body.length })), (cuts) => {
        const digests = new BodyDigests(expectedDigests(all))
        const edges = [0, ...cuts.sort((a, b) => a - b), body.length]
        edges.forEach((edge, n) => digests.update(body.subarray(edges[n - 1] ?? 0, edge)))
        expect(() => digests.verify()).not.toThrow()
      }),
    )
  })

  it.each([
    [{ 'content-md5': md5 }, 'Content-MD5'],
    [{ 'repr-digest': `sha-256=:${sha256}:` }, 'Repr-Digest'],
    [{ 'content-digest': `sha-512=:${sha512}:` }, 'Content-Digest'],
    [{ 'content-digest': `sha=:${sha1}:` }, 'Content-Digest'],
  ])('that is not what %j say is a mismatch that names %s', (headers, header) => {
    for (const other of ['', 'hell', 'hello!', 'Hello']) {
      const digests = new BodyDigests(expectedDigests(headers))
      digests.update(Buffer.from(other))
      expect(() => digests.verify()).toThrow(
        expect.objectContaining({
          code: 'digest_mismatch',
          message: expect.stringContaining(` ${header} `) as string,
        }),
      )
    }
  })

  it('that is right for one header and wrong for another names the other', () => {
    const wrong = createHash('sha256').update('other').digest('base64')
    const digests = new BodyDigests(expectedDigests({ ...all, 'content-digest': `sha-256=:${wrong}:` }))
    digests.update(body)
    expect(() => digests.verify()).toThrow('the sha256 digest that Content-Digest says')
  })

  it('without a digest passes', () => {
    const digests = new BodyDigests([])
    digests.update(body)
    expect(() => digests.verify()).not.toThrow()
  })
})
