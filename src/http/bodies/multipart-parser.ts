import { StoreError } from '../../model/errors.ts'

/** Bytes that may come before the first boundary. */
const maxPreambleBytes = 64 * 1024
/** Of the header of one part. */
const maxHeaderBytes = 16 * 1024
const maxHeaderLines = 100
/** Spaces and tabs after a boundary. */
const maxPaddingBytes = 1024

const crlf = Buffer.from('\r\n')
const blankLine = Buffer.from('\r\n\r\n')

export type PartHeader = Readonly<Record<string, readonly string[] | undefined>>

/**
 * Called in this order for each part, `data` any number of times. What a handler throws ends the
 * parsing.
 */
export interface PartHandler {
  readonly begin: (header: PartHeader) => void
  readonly data: (bytes: Buffer) => void
  readonly end: () => void
}

type State = 'preamble' | 'boundary line' | 'header' | 'body' | 'epilogue'

/**
 * Parses a multipart body (RFC 2046, 5.1.1) as it arrives. It keeps only bytes that may be the
 * beginning of a boundary, and headers that are still incomplete. `write` and `end` throw
 * `invalid_request`.
 */
export class MultipartParser {
  readonly #handler: PartHandler
  readonly #delimiter: Buffer
  #state: State = 'preamble'
  /**
   * Precedes the bytes of the next `write`. Starts as a line break, since the first boundary needs
   * none of its own.
   */
  #rest: Buffer = crlf
  /** How many bytes at the start of `#rest` can belong to a delimiter but not to content. */
  #skip = 0
  #preambleBytes = 0

  constructor(boundary: string, handler: PartHandler) {
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
    this.#handler = handler
  }

  write(data: Buffer): void {
    this.#rest = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data])
    while (this.#step()) {
      // Each step consumes what it can.
    }
  }

  end(): void {
    if (this.#state !== 'epilogue') throw invalid('The form ends before its closing boundary: send it again.')
  }

  /** Whether another step is possible with the bytes at hand. */
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
    // Content that contains the boundary is refused: otherwise a cut file would look complete.
    const isPadding = (end < 0 ? /^[ \t]*\r?$/ : /^[ \t]*$/).test(padding)
    if (!isPadding || padding.length > maxPaddingBytes) {
      throw invalid('A boundary in the form is not alone on its line: choose one that no file contains.')
    }
    // Keep the line break: two in a row end the header, even an empty one.
    return end >= 0 && this.#goOn('header', end)
  }

  #readHeader(): boolean {
    const end = this.#rest.indexOf(blankLine)
    const boundary = this.#rest.indexOf(this.#delimiter)
    // The line break that ends the header may also begin the boundary: then the part is empty.
    const isCut = boundary >= 0 && (end < 0 || boundary < end + crlf.length)
    if (isCut) throw invalid('A part of the form has no complete header: end it with an empty line.')
    // The last three bytes may be the beginning of the empty line.
    const length = (end < 0 ? this.#rest.length - 3 : end) - crlf.length
    if (length > maxHeaderBytes) throw headerTooLong()
    if (end < 0) return false
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

  /** How many bytes cannot be the beginning of a delimiter, whatever follows. */
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
    // Copy: a few bytes must not keep the whole read buffer alive.
    this.#rest = Buffer.from(this.#rest.subarray(taken))
    return false
  }
}

/**
 * Names are in lower case; each character stands for a byte. Lines other than `name: value` are
 * ignored.
 */
function parseHeader(text: string): PartHeader {
  const fields = new Map<string, string[]>()
  // RFC 5322, 2.2.3: a line break before white space does not end the field.
  const lines = text.replaceAll(/\r\n(?=[ \t])/g, '').split('\r\n')
  if (lines.length > maxHeaderLines) throw headerTooLong()
  for (const line of lines) {
    const [, name, value = ''] = /^([^:]+):[ \t]?([^]*)$/.exec(line) ?? []
    if (name === undefined) continue
    const key = name.trim().toLowerCase()
    fields.set(key, [...(fields.get(key) ?? []), value])
  }
  return Object.fromEntries(fields)
}

function headerTooLong(): StoreError {
  return invalid(
    `A part of the form has too long a header: at most ${maxHeaderLines} lines and ${maxHeaderBytes} bytes.`,
  )
}

function invalid(message: string): StoreError {
  return new StoreError('invalid_request', message)
}
