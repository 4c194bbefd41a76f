import { PassThrough, type Writable } from 'node:stream'
import { koaBody } from 'koa-body'
import { isStoreError, StoreError } from '../model/errors.ts'
import type { FileName } from '../model/file.ts'
import type { HttpContext } from './context.ts'
import { formFileName } from './headers/form-file-name.ts'
import { mediaTypeOf } from './headers/media-type.ts'

/** Bytes of all form fields that are not files; they are not kept. */
const maxFieldsBytes = 64 * 1024
/** Bytes between the files' contents, for each file: boundary and part headers. */
const maxPartHeaderBytes = 16 * 1024

export interface FileOfForm {
  readonly name: string
  readonly mediaType: string | undefined
  readonly body: PassThrough
}

interface PartOfForm {
  readonly headers: Readonly<Record<string, string>>
  readonly transferEncoding: string
  originalFilename: string | null
  mimetype: string | null
  on(event: 'data', listener: (data: Buffer) => void): unknown
}

/** What of it the parser hands to its stream handler. */
type OpenedFile = Pick<PartOfForm, 'originalFilename' | 'mimetype'>

/**
 * Reads a form to its end and gives each file to `onFile` when its body begins. The form waits for whoever reads the
 * bodies. Rejects `invalid_request`, `invalid_name`, `too_large`, and with what `onFile` throws or a body is destroyed
 * with; all bodies that have not ended are destroyed then.
 */
export async function receiveForm(
  ctx: HttpContext,
  maxFiles: number,
  onFile: (file: FileOfForm) => void,
): Promise<void> {
  const bodies = new Set<PassThrough>()
  let failure: Error | undefined
  const openBody = (file?: OpenedFile): Writable => {
    const body = new PassThrough()
    bodies.add(body)
    body.once('close', () => bodies.delete(body))
    try {
      // The parser opens one more file after some of its errors.
      if (failure) throw failure
      onFile({ name: file?.originalFilename ?? '', mediaType: file?.mimetype ?? undefined, body })
    } catch (error) {
      body.destroy(error as Error)
    }
    return body
  }
  const refuse = (error: StoreError) => ctx.req.emit('error', error)
  const overhead = watchOverhead(ctx, refuse)
  const parse = koaBody({
    multipart: true,
    json: false,
    text: false,
    urlencoded: false,
    parsedMethods: ['POST' as never],
    formidable: {
      fileWriteStreamHandler: openBody as never,
      onPart: ((part: PartOfForm, handle: (part: PartOfForm) => void) => {
        overhead.addPart(part)
        describePart(part, refuse)
        handle(part)
      }) as never,
      // A character for each byte: the parser decodes a header piece by piece, and would cut characters in two.
      encoding: 'binary',
      allowEmptyFiles: true,
      minFileSize: 0,
      maxFileSize: Infinity,
      maxTotalFileSize: Infinity,
      maxFiles,
      maxFieldsSize: maxFieldsBytes,
    },
  })
  try {
    await parse(ctx, () => Promise.resolve())
  } catch (error) {
    failure = asFormError(error)
    for (const body of bodies) body.destroy(failure)
    throw failure
  } finally {
    overhead.stop()
  }
}

/** Says to the parser what the part is: for it, what has a media type is a file, and nothing else. */
function describePart(part: PartOfForm, refuse: (error: StoreError) => void): void {
  const name = nameOf(part, refuse)
  part.originalFilename = name ?? null
  // RFC 7578, 4.7: "Senders SHOULD NOT generate any parts with a Content-Transfer-Encoding".
  if (!['binary', '8bit', '7bit'].includes(part.transferEncoding)) {
    refuse(new StoreError('invalid_request', 'Send the files in the form without Content-Transfer-Encoding.'))
  }
  // RFC 7578, 4.2: a part with a filename is a file; 4.4: whether or not it says of what type. Nobody checked the name yet.
  if (name) {
    part.mimetype ??= mediaTypeOf(undefined, name as FileName)
    return
  }
  part.mimetype = null
  // A browser sends an empty file without a name for a field that nobody filled in.
  if (name === '') {
    part.on('data', () => refuse(new StoreError('invalid_name', 'A file in the form has no name.')))
  }
}

function nameOf({ headers }: PartOfForm, refuse: (error: StoreError) => void): string | undefined {
  try {
    return formFileName(headers['content-disposition'] ?? '')
  } catch (error) {
    refuse(new StoreError('invalid_name', 'A name in the form is not UTF-8.', { cause: error }))
    return undefined
  }
}

/** The parser keeps the headers of a part in memory, however long: a form that is mostly headers is refused. */
function watchOverhead({ req }: HttpContext, refuse: (error: StoreError) => void) {
  let allowedBytes = 2 * maxPartHeaderBytes
  const count = (data: Buffer) => {
    allowedBytes -= data.length
    // What arrived may still be on its way through the parser: one buffer of a stream.
    if (allowedBytes < -req.readableHighWaterMark) {
      refuse(new StoreError('invalid_request', 'The headers in the form are too long.'))
    }
  }
  // Not before the parser listens, which takes it a while: the first bytes would flow past it.
  const begin = () => req.on('data', count)
  req.once('resume', begin)
  return {
    addPart(part: PartOfForm) {
      allowedBytes += maxPartHeaderBytes
      part.on('data', (data) => {
        allowedBytes += data.length
      })
    },
    stop: () => req.off('resume', begin).off('data', count),
  }
}

/** What the form parser rejects with says what is wrong, and sometimes a status. */
function asFormError(error: unknown): Error {
  if (!(error instanceof Error)) return new StoreError('internal', 'The form failed.', { cause: error })
  if (isStoreError(error) || !('httpCode' in error)) return error
  const code = error.httpCode === 413 ? 'too_large' : 'invalid_request'
  return new StoreError(code, `The form cannot be read: ${error.message}.`, { cause: error })
}
