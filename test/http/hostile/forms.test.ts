import { beforeAll, describe, expect, it } from 'vitest'
import { openTestServer, type TestServer } from '../../support/test-server.ts'
import { fieldPart, filePart, form, post, type Part } from '../form.ts'
import { refused } from '../refused.ts'

const KiB = 1024
const file = filePart('there', 'x')

let server: TestServer
beforeAll(async () => {
  server = await openTestServer({ maxFormFiles: 3 })
  return server.stop
})

/** A part whose header is one line of this length. */
function withDisposition(length: number): Part {
  const start = 'Content-Disposition: form-data; name="'
  return { head: [`${start}${'n'.repeat(length - start.length - 1)}"`], content: '' }
}

const limits = [
  ['fields', (count: number) => Array.from({ length: count }, () => fieldPart('f', '')), 1000, 413],
  ['bytes in fields', (count: number) => [fieldPart('f', 'x'.repeat(count))], 64 * KiB, 413],
  ['files', (count: number) => Array.from({ length: count - 1 }, (_, n) => filePart(`${n}`, '')), 3, 413],
  [
    'lines in a header',
    (count: number) => [
      { ...file, head: [...file.head, ...Array.from({ length: count - 1 }, () => 'A: b')] },
    ],
    100,
    400,
  ],
  ['bytes in a header', (count: number) => [withDisposition(count)], 16 * KiB, 400],
] as const

describe.each(limits)('as many %s as a form may have', (_what, partsOf, most, status) => {
  it('are taken', async () => {
    expect((await post(server, form([...partsOf(most), file]))).status).toBe(201)
  })

  it('and one more are refused', async () => {
    const { refusal } = await refused(server, () => post(server, form([...partsOf(most + 1), file])))
    expect(refusal[0]).toBe(status)
  })
})

it.each([
  ['70 characters, as long as it may be', 70, 201],
  ['71 characters', 71, 400],
  ['no characters', 0, 400],
])('a boundary of %s', async (_what, length, status) => {
  const boundary = 'b'.repeat(length)
  const body = form([file]).toString().replaceAll('--a-boundary', `--${boundary}`)
  const answer = await post(server, Buffer.from(body), `multipart/form-data; boundary="${boundary}"`)
  expect(answer.status).toBe(status)
})

it('a form in a form is a file like any other', async () => {
  const inner = form([filePart('inner', 'x')])
    .toString()
    .replaceAll('a-boundary', 'another')
  const outer = filePart('outer', inner, 'multipart/mixed; boundary=another')
  const { files } = (await post(server, form([outer]))).json() as { files: { name: string; size: number }[] }
  expect(files).toMatchObject([{ name: 'outer', size: inner.length }])
})

it('ten thousand parts behind the limit are not even looked at', async () => {
  const parts = Array.from({ length: 10_000 }, (_, index) => filePart(`${index}`, ''))
  const { refusal } = await refused(server, () => post(server, form(parts)))
  expect(refusal).toEqual([413, 'too_large'])
})
