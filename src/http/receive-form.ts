import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { MIMEType } from 'node:util'
import { Dicer } from '@fastify/busboy'
import { StoreError } from '../model/errors.ts'
import type { HttpContext } from './context.ts'
import { formFileName } from './headers/form-file-name.ts'

/** Form fields that are not files, and bytes of all of them; they are not kept. */
const maxFields = 1000
const maxFieldsBytes = 64 * 1024
/** Lines, and characters, of the header of one part. */
const maxHeaderLines = 100
const maxHeaderLength = 16 * 1024
/** Bytes that may come before the first boundary. */
const maxPreambleBytes = 64 * 1024

export interface FileOfForm {
  readonly name: string
  /** As it came with the file; absent if none did. */
  readonly mediaType: string | undefined
  readonly body: PassThrough
}

type PartHeader = Readonly<Record<string, readonly string[] | undefined>>

/**
 * Reads a form to its end and gives each file to `onFile` when its body begins. The form waits for whoever reads the
 * bodies. Rejects `invalid_request`, `invalid_name`, `too_large`, and with what `onFile` throws or a body is destroyed
 * with; all bodies that have not ended are destroyed then, and the request is paused.
 */
export async function receiveForm(
  ctx: HttpContext,
  maxFiles: number,
  onFile: (file: FileOfForm) => void,
): Promise<void> {
  await new FormReader(ctx.req, maxFiles, onFile).read(boundaryIn(ctx.get('Content-Type')))
}

function boundaryIn(contentType: string): string {
  const boundary = new MIMEType(contentType).params.get('boundary')
  // RFC 2046, 5.1.1: "boundary := 0*69<bchars> bcharsnospace". A long one would make each byte costly to compare.
  if (boundary && /^[\x20-\x7e]{1,70}$/.test(boundary)) return boundary
  throw new StoreError('invalid_request', 'The form must say its boundary: 1 to 70 characters of ASCII.')
}

class FormReader {
  readonly #req: IncomingMessage
  readonly #maxFiles: number
  readonly #onFile: (file: FileOfForm) => void
  readonly #done = Promise.withResolvers<void>()
  readonly #bodies = new Set<PassThrough>()
  /** Bodies with more in them than their readers have room for. */
  readonly #full = new Set<PassThrough>()
  #failure: Error | undefined
  #files = 0
  #fields = 0
  #fieldsBytes = 0
  #preambleBytes = 0
  #hasBegun = false
  #isInHeader = false
  #isFinished = false

  constructor(req: IncomingMessage, maxFiles: number, onFile: (file: FileOfForm) => void) {
    this.#req = req
    this.#maxFiles = maxFiles
    this.#onFile = onFile
  }

  async read(boundary: string): Promise<void> {
    const parser = this.#parser(boundary)
    const onData = (data: Buffer) => {
      // One read of the socket may bring more, which comes even to who has paused: no file may begin any more.
      if (!this.#failure) this.#attempt(() => this.#parse(parser, data))
    }
    const onEnd = () => {
      parser.end()
      this.#settle()
    }
    const onClose = () => {
      if (!this.#req.readableEnded) this.#fail(new StoreError('aborted', 'The connection ended early.'))
    }
    // `#fail` stays: an error that comes when nobody reads any more must not end the process.
    this.#req.on('error', this.#fail).on('close', onClose).on('end', onEnd).on('data', onData)
    try {
      await this.#done.promise
    } finally {
      this.#req.off('data', onData).off('end', onEnd).off('close', onClose)
    }
  }

  /**
   * The parser never holds anything back: paused at the end of a part, it would not always go on. It is the request that is
   * paused, so what waits is what had been read of it by then.
   */
  #parser(boundary: string): Dicer {
    // It cuts what is longer without a word; what it has cut is still too long for us.
    const maxHeaderSize = 2 * maxHeaderLength
    const limits = { maxHeaderSize, maxHeaderPairs: maxHeaderLines + 1, partHwm: Number.MAX_SAFE_INTEGER }
    return new Dicer({ boundary, ...limits })
      .on('part', (part) => this.#addPart(part))
      .on('error', this.#failEarly)
      .on('finish', () => {
        this.#isFinished = true
        this.#settle()
      })
  }

  #parse(parser: Dicer, data: Buffer): void {
    parser.write(data)
    if (this.#hasBegun) return
    this.#preambleBytes += data.length
    if (this.#preambleBytes > maxPreambleBytes) {
      throw new StoreError('invalid_request', 'The form does not begin with its boundary.')
    }
  }

  #settle(): void {
    if (!this.#isFinished || !this.#req.readableEnded) return
    this.#attempt(() => {
      this.#leaveHeader()
      this.#done.resolve()
    })
  }

  #addPart(part: Dicer.PartStream): void {
    this.#leaveHeader()
    this.#hasBegun = true
    this.#isInHeader = true
    part.on('error', this.#failEarly)
    part.once('header', (header) => {
      this.#isInHeader = false
      this.#open(part, header as PartHeader)
    })
  }

  /** Another boundary follows: in a header, it is the end of a part that never began. */
  #leaveHeader(): void {
    // It is this, too, when a file contains the boundary with more behind it: what is left of it must not look complete.
    if (this.#isInHeader) throw new StoreError('invalid_request', 'A part of the form has no whole header.')
  }

  #open(part: Dicer.PartStream, header: PartHeader): void {
    const name = nameIn(header)
    if (name) this.#openFile(part, name, header['content-type']?.[0]?.trim())
    else this.#openField(part, name === '')
  }

  #openFile(part: Dicer.PartStream, name: string, mediaType: string | undefined): void {
    if (++this.#files > this.#maxFiles) {
      throw new StoreError('too_large', `A form may have ${this.#maxFiles} files at most.`)
    }
    const body = new PassThrough()
    this.#bodies.add(body)
    body.on('error', this.#fail).once('close', () => this.#bodies.delete(body))
    const goOn = () => {
      if (this.#full.delete(body) && this.#full.size === 0 && !this.#failure) this.#req.resume()
    }
    // What is full when it ends does not say that it has drained, only that it has finished.
    body.on('drain', goOn).on('finish', goOn)
    part.on('end', () => body.end())
    part.on('data', (data) => {
      if (this.#failure || body.write(data)) return
      this.#full.add(body)
      this.#req.pause()
    })
    this.#onFile({ name, mediaType, body })
  }

  #openField(part: Dicer.PartStream, isFileWithoutName: boolean): void {
    if (++this.#fields > maxFields) {
      throw new StoreError('too_large', `A form may have ${maxFields} fields at most.`)
    }
    part.on('data', (data) => {
      // A browser sends an empty file without a name for a field that nobody filled in.
      if (isFileWithoutName) this.#fail(new StoreError('invalid_name', 'A file in the form has no name.'))
      this.#fieldsBytes += data.length
      if (this.#fieldsBytes > maxFieldsBytes)
        this.#fail(new StoreError('too_large', `The fields may have ${maxFieldsBytes} bytes at most.`))
    })
  }

  #attempt(step: () => unknown): void {
    try {
      step()
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  readonly #failEarly = (cause: Error) =>
    this.#fail(new StoreError('invalid_request', 'The form ends before its last boundary.', { cause }))

  readonly #fail = (error: Error) => {
    if (this.#failure) return
    this.#failure = error
    this.#req.pause()
    for (const body of this.#bodies) body.destroy(error)
    this.#done.reject(error)
  }
}

/** The name of the file that the part is; empty if it came without one, undefined if the part is no file. */
function nameIn(header: PartHeader): string | undefined {
  const lines = Object.entries(header).flatMap(([key, values = []]) => values.map((value) => key + value))
  if (lines.length > maxHeaderLines || lines.join('').length > maxHeaderLength) {
    throw new StoreError('invalid_request', 'The headers in the form are too long.')
  }
  // RFC 7578, 4.2: "Each part MUST contain a Content-Disposition header field".
  const disposition = header['content-disposition']?.[0]
  if (disposition === undefined) {
    throw new StoreError('invalid_request', 'A part of the form has no readable Content-Disposition.')
  }
  // RFC 7578, 4.7: "Senders SHOULD NOT generate any parts with a Content-Transfer-Encoding".
  const encoding = header['content-transfer-encoding']?.[0]?.trim().toLowerCase() ?? 'binary'
  if (!['binary', '8bit', '7bit'].includes(encoding)) {
    throw new StoreError('invalid_request', 'Send the files in the form without Content-Transfer-Encoding.')
  }
  try {
    return formFileName(disposition)
  } catch (error) {
    throw new StoreError('invalid_name', 'A name in the form is not UTF-8.', { cause: error })
  }
}
