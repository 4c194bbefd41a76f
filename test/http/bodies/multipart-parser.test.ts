import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MultipartParser, type PartHeader } from '../../../src/http/bodies/multipart-parser.ts'
import { isStoreError } from '../../../src/model/errors.ts'
import { KiB, MiB } from '../sample.ts'

interface ParsedPart {
  readonly header: PartHeader
  content: string
}

const boundary = 'ab'
const delimiter = `\r\n--${boundary}`

/** What the parser makes of a body that arrives in these pieces. */
function parse(pieces: readonly Buffer[]): readonly ParsedPart[] | 'invalid_request' {
  const parts: ParsedPart[] = []
  let isOpen = false
  const parser = new MultipartParser(boundary, {
    begin(header) {
      expect(isOpen).toBe(false)
      isOpen = true
      parts.push({ header, content: '' })
    },
    data: (bytes) => (parts.at(-1)!.content += bytes.toString('latin1')),
    end: () => (isOpen = false),
  })
  try {
    for (const piece of pieces) parser.write(piece)
    parser.end()
  } catch (error) {
    if (isStoreError(error, 'invalid_request')) return 'invalid_request'
    throw error
  }
  expect(isOpen).toBe(false)
  return parts
}

/** The same for a whole body, as RFC 2046 has it. */
function reference(body: string): readonly ParsedPart[] | 'invalid_request' {
  const parts: ParsedPart[] = []
  for (const segment of `\r\n${body}`.split(delimiter).slice(1)) {
    if (segment.startsWith('--')) return parts
    // The line break of the next delimiter may be the one that ends the header.
    const [, head, content] = /^[ \t]*\r\n(?:([^]*?)\r\n)??\r\n([^]*)$/.exec(`${segment}\r\n`) ?? []
    if (content === undefined) return 'invalid_request'
    parts.push({ header: headerIn(head), content: content.slice(0, -2) })
  }
  return 'invalid_request'
}

function headerIn(head = ''): PartHeader {
  const fields = head
    .replaceAll(/\r\n(?=[ \t])/g, '')
    .split('\r\n')
    .map((line) => /^([^:]+):[ \t]?([^]*)$/.exec(line))
    .filter((field) => field !== null)
    .map(([, name, value]) => [name!.trim().toLowerCase(), value!] as const)
  const names = [...new Set(fields.map(([name]) => name))]
  return Object.fromEntries(
    names.map((name) => [name, fields.filter(([other]) => other === name).map(([, value]) => value)]),
  )
}

function cut(body: string, places: readonly number[]): readonly Buffer[] {
  const bytes = Buffer.from(body, 'latin1')
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [...ends, bytes.length].map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end))
}

// oxfmt-ignore
const token = fc.constantFrom(
  '\r', '\n', '\r\n', '\r\n\r\n', '-', '--', 'a', 'b', '\r\n--', '\r\n--a', delimiter, `${delimiter}--`,
  `${delimiter} \t\r\n`, `${delimiter}\r\nA: 1\r\n\r\n`, 'a: 2', 'A:3', ':', ' ', '\t', '\xff', '\0',
)
const noise = fc.array(token, { maxLength: 12 }).map((tokens) => tokens.join(''))
/** Mostly right, so that most cases get past the first line. */
const body = fc
  .tuple(fc.constantFrom('', 'preamble\r\n'), fc.array(noise, { maxLength: 4 }), noise)
  .map(([preamble, contents, epilogue]) => {
    const parts = contents.map((content, index) => `--ab\r\nA: ${index}\r\n\r\n${content}\r\n`)
    return `${preamble}${parts.join('')}--ab--${epilogue}`
  })
const places = fc.array(fc.nat(400), { maxLength: 20 })

describe('the multipart parser', () => {
  it('reads a form the same wherever its bytes are cut', () => {
    fc.assert(
      fc.property(fc.oneof({ weight: 4, arbitrary: body }, noise), places, (text, at) => {
        expect(parse(cut(text, at))).toEqual(reference(text))
      }),
      { numRuns: 2000 },
    )
  })

  it('reads a form that comes byte by byte', () => {
    const text = `--ab \t\r\nA: 1\r\n\r\n${delimiter}\r\n\r\n\r\n-${delimiter.slice(0, -1)}${delimiter}--`
    const bytes = Array.from(text, (byte) => Buffer.from(byte, 'latin1'))
    const parts = [
      { header: { a: ['1'] }, content: '' },
      { header: {}, content: `\r\n-${delimiter.slice(0, -1)}` },
    ]
    expect([reference(text), parse(bytes)]).toEqual([parts, parts])
  })

  it.each([
    ['carriage returns', '\r'],
    ['line breaks', '\r\n'],
    ['beginnings of a boundary', '\r\n--a'],
  ])('passes on a file of 4 MiB of %s in linear time', (_, unit) => {
    const content = unit.repeat((4 * MiB) / unit.length)
    const bytes = Buffer.from(`--ab\r\n\r\n${content}\r\n--ab--`)
    const pieces = Array.from({ length: Math.ceil(bytes.length / (64 * KiB)) }, (_nothing, index) =>
      bytes.subarray(index * 64 * KiB, (index + 1) * 64 * KiB),
    )
    const parts = parse(pieces)
    // A diff of two such strings would take minutes.
    expect(parts !== 'invalid_request' && parts.map((part) => part.content === content)).toEqual([true])
  })

  it.each([
    ['a preamble of 65 KiB', 'x'.repeat(65 * KiB)],
    ['a header of 17 KiB that does not end', `--ab\r\nA: ${'x'.repeat(17 * KiB)}`],
    ['a header of 17 KiB that ends', `--ab\r\nA: ${'x'.repeat(17 * KiB)}\r\n\r\nx\r\n--ab--`],
    ['a header of 101 lines', `--ab\r\n${'A:\r\n'.repeat(101)}\r\nx\r\n--ab--`],
    ['2 KiB of padding', `--ab${' '.repeat(2 * KiB)}\r\n\r\nx\r\n--ab--`],
    ['lines that end in a line feed alone', '--ab\nA: 1\n\nx\n--ab--'],
  ])('refuses %s', (_, text) => {
    expect(parse([Buffer.from(text)])).toBe('invalid_request')
    expect(parse(cut(text, [1000, 2000, 16_500, 65_600]))).toBe('invalid_request')
  })

  it('takes a header of 100 lines, and one of 16 KiB', () => {
    const long = 'x'.repeat(16 * KiB - 'B: '.length)
    const text = `--ab\r\n${'A:\r\n'.repeat(100)}\r\n1\r\n--ab\r\nB: ${long}\r\n\r\n2\r\n--ab--`
    const parts = [
      { header: { a: Array.from({ length: 100 }, () => '') }, content: '1' },
      { header: { b: [long] }, content: '2' },
    ]
    const end = text.indexOf('2')
    expect(parse([Buffer.from(text)])).toEqual(parts)
    for (const before of [1, 2, 3, 4]) expect(parse(cut(text, [end - before]))).toEqual(parts)
  })
})
