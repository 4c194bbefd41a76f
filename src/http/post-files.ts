import { PassThrough, type Writable } from 'node:stream'
import { koaBody } from 'koa-body'
import type { FileStore } from '../files/file-store.ts'
import { UploadsTogether } from '../files/upload-together.ts'
import { isStoreError, StoreError } from '../model/errors.ts'
import { parseFileName } from '../model/file.ts'
import type { HttpContext } from './context.ts'
import { continued } from './continue-when-read.ts'
import { fileInfo } from './file-info.ts'
import { mediaTypeOf } from './headers/media-type.ts'
import { HttpProblem } from './render-errors.ts'

/** Bytes of all form fields that are not files; they are not kept. */
const maxFieldsBytes = 64 * 1024
/** Bytes between the files' contents, for each file: boundary and part headers. */
const maxPartHeaderBytes = 16 * 1024

interface PartOfForm {
  readonly originalFilename: string | null
  mimetype: string | null
  on(event: 'data', listener: (data: Buffer) => void): unknown
}

/** `POST /files`: all files of a form, streamed as they come, together or not at all. Their names are those in the form. */
export async function postFiles(store: FileStore, maxFormFiles: number, ctx: HttpContext): Promise<void> {
  if (!ctx.is('multipart/form-data')) {
    throw new HttpProblem(
      'unsupported_media_type',
      'Send a form as multipart/form-data, or PUT one file to its name.',
      {
        'Accept-Post': 'multipart/form-data',
      },
    )
  }
  const uploads = new UploadsTogether(store)
  try {
    const count = await receiveForm(ctx, maxFormFiles, uploads)
    if (count === 0) throw new StoreError('invalid_request', 'The form has no file.')
    const committed = await uploads.commit()
    ctx.status = 201
    ctx.body = { files: committed.map(({ file }) => fileInfo(file)) }
  } catch (error) {
    await uploads.discard()
    throw asFormError(error)
  }
}

/** Resolves with the number of files, when the form has been read to its end. */
async function receiveForm(
  ctx: HttpContext,
  maxFormFiles: number,
  uploads: UploadsTogether,
): Promise<number> {
  let count = 0
  const receiveFile = (file?: { originalFilename: string | null; mimetype: string | null }): Writable => {
    const body = new PassThrough()
    try {
      const name = parseFileName(file?.originalFilename ?? '')
      const mediaType = mediaTypeOf(file?.mimetype ?? undefined, name)
      uploads.add(body, { name, mediaType }).catch((error: Error) => body.destroy(error))
      count++
    } catch (error) {
      body.destroy(error as Error)
    }
    return body
  }
  const overhead = watchOverhead(ctx)
  const parse = koaBody({
    multipart: true,
    json: false,
    text: false,
    urlencoded: false,
    parsedMethods: ['POST' as never],
    formidable: {
      fileWriteStreamHandler: receiveFile as never,
      onPart: (part: PartOfForm, handle: (part: never) => void) => {
        overhead.addPart(part)
        // A part with a filename is a file (RFC 7578, 4.2), whether or not it says of what type (4.4).
        if (part.originalFilename !== null) part.mimetype ??= 'application/octet-stream'
        handle(part as never)
      },
      allowEmptyFiles: true,
      minFileSize: 0,
      maxFileSize: Infinity,
      maxTotalFileSize: Infinity,
      maxFiles: maxFormFiles,
      maxFieldsSize: maxFieldsBytes,
    },
  })
  continued(ctx.req)
  await parse(ctx, () => Promise.resolve())
  return count
}

/** The parser keeps the headers of a part in memory, however long: a form that is mostly headers is refused. */
function watchOverhead({ req }: HttpContext): { addPart(part: PartOfForm): void } {
  let allowedBytes = 2 * maxPartHeaderBytes
  req.on('data', (data: Buffer) => {
    allowedBytes -= data.length
    // What arrived may still be on its way through the parser: one buffer of a stream.
    if (allowedBytes < -req.readableHighWaterMark) {
      req.emit('error', new StoreError('invalid_request', 'The headers in the form are too long.'))
    }
  })
  return {
    addPart(part) {
      allowedBytes += maxPartHeaderBytes
      part.on('data', (data) => {
        allowedBytes += data.length
      })
    },
  }
}

/** What the form parser rejects with says what is wrong, and sometimes a status. */
function asFormError(error: unknown): unknown {
  if (isStoreError(error) || !(error instanceof Error) || !('httpCode' in error)) return error
  const code = error.httpCode === 413 ? 'too_large' : 'invalid_request'
  return new StoreError(code, `The form cannot be read: ${error.message}.`, { cause: error })
}
