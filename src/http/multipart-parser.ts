import { StoreError } from '../model/errors.ts'

/** Bytes that may come before the first boundary. */
const maxPreambleBytes = 64 * 1024
/** Bytes of the header of one part. */
const maxHeaderBytes = 64 * 1024
/** Spaces and tabs behind a boundary. */
const maxPaddingBytes = 1024

const crlf = Buffer.from('\r\n')
const blankLine = Buffer.from('\r\n\r\n')

export type PartHeader = Readonly<Record<string, readonly string[] | undefined>>

/** What the parser calls, in this order, for each part. What they throw ends the parsing. */
export interface PartHandler {
  readonly begin: (header: PartHeader) => void
  readonly data: (bytes: Buffer) => void
  readonly end: () => void
}

type State = 'preamble' | 'boundary line' | 'header' | 'body' | 'epilogue'

/**
 * Takes a multipart body (RFC 2046, 5.1.1) apart as it comes. It holds back no more than what may be the beginning of a
 * boundary, or a header that is not whole. `write` and `end` throw `invalid_request`.
 */
export class MultipartParser {
  readonly #handler: PartHandler
  readonly #delimiter: Buffer
  #state: State = 'preamble'
  /** Comes before what is written next. The first boundary needs no line break before it. */
  #rest: Buffer = crlf
  /** Bytes of `#rest` that can be part of a delimiter, but of no content. */
  #skip = 0
  #preambleBytes = 0

  constructor(boundary: string, handler: PartHandler) {
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
    this.#handler = handler
  }

  write(data: Buffer): void {
    this.#rest = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data])
    while (this.#step()) {
      // Each step takes what it can of the rest.
    }
  }

  end(): void {
    if (this.#state !== 'epilogue') throw invalid('The form ends before its last boundary.')
  }

  /** Whether another step may be possible with what is there. */
  #step(): boolean {
    if (this.#state === 'preamble') return this.#readPreamble()
    if (this.#state === 'boundary line') return this.#readBoundaryLine()
    if (this.#state === 'header') return this.#readHeader()
    if (this.#state === 'body') return this.#readBody()
    // RFC 2046, 5.1.1: what follows the last boundary is to be ignored.
    this.#rest = Buffer.alloc(0)
    return false
  }

  #readPreamble(): boolean {
    const at = this.#rest.indexOf(this.#delimiter)
    const taken = at < 0 ? this.#unambiguous() : at
    this.#preambleBytes += taken
    if (this.#preambleBytes > maxPreambleBytes) {
      throw invalid('The form does not begin with its boundary.')
    }
    return at < 0 ? this.#wait(taken) : this.#goOn('boundary line', at + this.#delimiter.length)
  }

  /** "delimiter transport-padding CRLF", or "close-delimiter transport-padding". */
  #readBoundaryLine(): boolean {
    if (this.#rest.length < 2) return false
    if (this.#rest.toString('latin1', 0, 2) === '--') return this.#goOn('epilogue', 2)
    const end = this.#rest.indexOf(crlf)
    const padding = this.#rest.toString('latin1', 0, end < 0 ? this.#rest.length : end)
    // Content that contains the boundary is refused: the rest of it must not look complete.
    const isPadding = (end < 0 ? /^[ \t]*\r?$/ : /^[ \t]*$/).test(padding)
    if (!isPadding || padding.length > maxPaddingBytes) {
      throw invalid('The boundary of the form must stand alone in its line.')
    }
    // The line break stays: two of them in a row end the header, even if nothing is in it.
    return end >= 0 && this.#goOn('header', end)
  }

  #readHeader(): boolean {
    const end = this.#rest.indexOf(blankLine)
    const boundary = this.#rest.indexOf(this.#delimiter)
    // The line break that ends the header can be the one that begins the boundary: then the part is empty.
    const isCut = boundary >= 0 && (end < 0 || boundary < end + crlf.length)
    if (isCut) throw invalid('A part of the form has no whole header.')
    if (end < 0) {
      if (this.#rest.length > maxHeaderBytes) throw invalid('The headers in the form are too long.')
      return false
    }
    this.#handler.begin(parseHeader(this.#rest.toString('latin1', crlf.length, Math.max(end, crlf.length))))
    this.#skip = crlf.length
    return this.#goOn('body', end + crlf.length)
  }

  #readBody(): boolean {
    const at = this.#rest.indexOf(this.#delimiter)
    const taken = at < 0 ? this.#unambiguous() : at
    if (taken > this.#skip) this.#handler.data(this.#rest.subarray(this.#skip, taken))
    this.#skip = Math.max(0, this.#skip - taken)
    if (at < 0) return this.#wait(taken)
    this.#handler.end()
    return this.#goOn('boundary line', at + this.#delimiter.length)
  }

  /** How many bytes of the rest cannot be the beginning of a delimiter, whatever follows. */
  #unambiguous(): number {
    const { length } = this.#rest
    let at = Math.max(0, length - this.#delimiter.length + 1)
    for (;;) {
      at = this.#rest.indexOf(0x0d, at)
      if (at < 0) return length
      if (this.#delimiter.subarray(0, length - at).equals(this.#rest.subarray(at))) return at
      at++
    }
  }

  #goOn(state: State, taken: number): true {
    this.#state = state
    this.#rest = this.#rest.subarray(taken)
    return true
  }

  #wait(taken: number): false {
    // A copy, or the few bytes would keep all that was read with them.
    this.#rest = Buffer.from(this.#rest.subarray(taken))
    return false
  }
}

/** Names in lower case; characters are bytes. What is not of the form `name: value` is left out. */
function parseHeader(text: string): PartHeader {
  const fields = new Map<string, string[]>()
  // RFC 5322, 2.2.3: a line break before white space is no end of the field.
  for (const line of text.replaceAll(/\r\n(?=[ \t])/g, '').split('\r\n')) {
    const [, name, value = ''] = /^([^:]+):[ \t]?([^]*)$/.exec(line) ?? []
    if (name === undefined) continue
    const key = name.trim().toLowerCase()
    fields.set(key, [...(fields.get(key) ?? []), value])
  }
  return Object.fromEntries(fields)
}

function invalid(message: string): StoreError {
  return new StoreError('invalid_request', message)
}
