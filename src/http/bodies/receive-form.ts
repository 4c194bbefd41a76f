import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { MIMEType } from 'node:util'
import { StoreError } from '../../model/errors.ts'
import type { HttpContext } from '../server/context.ts'
import { formFileName } from '../headers/form-file-name.ts'
import { MultipartParser, type PartHeader } from './multipart-parser.ts'

/** Fields that are not files, and their bytes in total. They are not stored. */
const maxFields = 1000
const maxFieldsBytes = 64 * 1024

export interface FileOfForm {
  readonly name: string
  /** As sent with the file, if at all. */
  readonly mediaType: string | undefined
  readonly body: PassThrough
}

/** Receives the content of the part that is being read. */
interface Sink {
  readonly write: (bytes: Buffer) => void
  readonly end: () => void
}

/**
 * Reads a form to its end and passes each file to `onFile` when its body begins. Reading is paused
 * while a body is full. Rejects `invalid_request`, `invalid_name`, `too_large`, with what `onFile`
 * throws, and with the error that destroyed a body; then all unfinished bodies are destroyed and
 * the request is paused.
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
  // RFC 2046, 5.1.1: "boundary := 0*69<bchars> bcharsnospace". The longer it is, the more each byte
  // costs to compare.
  if (boundary && /^[\x20-\x7e]{1,70}$/.test(boundary)) return boundary
  throw new StoreError(
    'invalid_request',
    'The form needs a boundary in its Content-Type: 1 to 70 ASCII characters.',
  )
}

class FormReader {
  readonly #req: IncomingMessage
  readonly #maxFiles: number
  readonly #onFile: (file: FileOfForm) => void
  readonly #done = Promise.withResolvers<void>()
  readonly #bodies = new Set<PassThrough>()
  /** Bodies whose readers are behind. */
  readonly #full = new Set<PassThrough>()
  #failure: Error | undefined
  #files = 0
  #fields = 0
  #fieldsBytes = 0
  #sink: Sink | undefined

  constructor(req: IncomingMessage, maxFiles: number, onFile: (file: FileOfForm) => void) {
    this.#req = req
    this.#maxFiles = maxFiles
    this.#onFile = onFile
  }

  async read(boundary: string): Promise<void> {
    const parser = new MultipartParser(boundary, {
      begin: (header) => (this.#sink = this.#open(header)),
      data: (bytes) => this.#sink?.write(bytes),
      end: () => this.#sink?.end(),
    })
    const onData = (data: Buffer) => {
      // A paused request still emits what was read with it: no further file may begin.
      if (!this.#failure) this.#attempt(() => parser.write(data))
    }
    const onEnd = () =>
      this.#attempt(() => {
        parser.end()
        this.#done.resolve()
      })
    const onClose = () => {
      if (!this.#req.readableEnded) this.#fail(new StoreError('aborted', 'The connection ended early.'))
    }
    // The error listener stays: without one, a later error would end the process.
    this.#req.on('error', this.#fail).on('close', onClose).on('end', onEnd).on('data', onData)
    try {
      await this.#done.promise
    } finally {
      this.#req.off('data', onData).off('end', onEnd).off('close', onClose)
    }
  }

  #open(header: PartHeader): Sink {
    const name = nameIn(header)
    if (name) return this.#openFile(name, header['content-type']?.[0]?.trim())
    return this.#openField(name === '')
  }

  #openFile(name: string, mediaType: string | undefined): Sink {
    if (++this.#files > this.#maxFiles) {
      throw new StoreError('too_large', `A form may have ${this.#maxFiles} files at most.`)
    }
    const body = new PassThrough()
    this.#bodies.add(body)
    body.on('error', this.#fail).once('close', () => this.#bodies.delete(body))
    const goOn = () => {
      if (this.#full.delete(body) && this.#full.size === 0 && !this.#failure) this.#req.resume()
    }
    // A body that ends while it is full emits no 'drain', only 'finish'.
    body.on('drain', goOn).on('finish', goOn)
    this.#onFile({ name, mediaType, body })
    const write = (bytes: Buffer) => {
      if (this.#failure || body.write(bytes)) return
      this.#full.add(body)
      this.#req.pause()
    }
    return { write, end: () => body.end() }
  }

  #openField(isFileWithoutName: boolean): Sink {
    if (++this.#fields > maxFields) {
      throw new StoreError('too_large', `A form may have ${maxFields} fields at most.`)
    }
    const write = (bytes: Buffer) => {
      // For a file field left empty, browsers send an empty file without a name.
      if (isFileWithoutName) throw new StoreError('invalid_name', 'A file in the form has no name.')
      this.#fieldsBytes += bytes.length
      if (this.#fieldsBytes > maxFieldsBytes)
        throw new StoreError('too_large', `The fields may have ${maxFieldsBytes} bytes at most.`)
    }
    return { write, end: () => {} }
  }

  #attempt(step: () => unknown): void {
    try {
      step()
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  readonly #fail = (error: Error) => {
    if (this.#failure) return
    this.#failure = error
    this.#req.pause()
    for (const body of this.#bodies) body.destroy(error)
    this.#done.reject(error)
  }
}

/** The file name of the part: empty if the file has none, undefined if the part is not a file. */
function nameIn(header: PartHeader): string | undefined {
  // RFC 7578, 4.2: "Each part MUST contain a Content-Disposition header field".
  const disposition = header['content-disposition']?.[0]
  if (disposition === undefined) {
    throw new StoreError(
      'invalid_request',
      'A part of the form has no Content-Disposition: send form-data with a name.',
    )
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
