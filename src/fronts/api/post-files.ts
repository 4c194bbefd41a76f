import type { FileStore } from '../../files/state/file-store.ts'
import type { UploadRequest } from '../../files/upload/receive.ts'
import { UploadsTogether } from '../../files/upload/upload-together.ts'
import { StoreError } from '../../model/errors.ts'
import type { HttpContext } from '../../http/server/context.ts'
import { continued } from '../../http/server/continue-when-read.ts'
import { fileInfo } from '../../http/bodies/file-info.ts'
import { FormNames, type FormName } from '../../http/bodies/form-names.ts'
import { mediaTypeOf } from '../../http/headers/media-type.ts'
import { receiveForm, type FileOfForm } from '../../http/bodies/receive-form.ts'
import { HttpProblem } from '../../http/middleware/render-errors.ts'

/**
 * `POST /files`: all files of a form, streamed as they come, together or not at all. Their names
 * are those in the form, with a number where one comes twice.
 */
export async function postFiles(store: FileStore, maxFormFiles: number, ctx: HttpContext): Promise<void> {
  if (!ctx.is('multipart/form-data')) {
    throw new HttpProblem(
      'unsupported_media_type',
      'Send a form as multipart/form-data, or PUT one file to its name.',
      { 'Accept-Post': 'multipart/form-data' },
    )
  }
  const { caller } = ctx.state
  const uploads = new UploadsTogether(store, caller)
  const names = new FormNames(
    async (name) => (await store.catalog.findFile(caller.space, { name })) !== undefined,
  )
  let count = 0
  const receiveFile = ({ name: text, mediaType, body }: FileOfForm) => {
    const received = uploads.add(body, requestOf(names.give(text), mediaType))
    received.catch((error: Error) => body.destroy(error))
    count++
  }
  try {
    continued(ctx.req)
    await receiveForm(ctx, maxFormFiles, receiveFile)
    if (count === 0)
      throw new StoreError('invalid_request', 'The form has no file: add one, or PUT a file to its name.')
    const committed = await uploads.commit()
    ctx.status = 201
    ctx.body = { files: committed.map(({ file }) => fileInfo(file)) }
  } catch (error) {
    await uploads.discard()
    throw error
  }
}

async function requestOf(
  given: FormName | Promise<FormName>,
  mediaType: string | undefined,
): Promise<UploadRequest> {
  const { name, isMadeUp } = await given
  return {
    name,
    mediaType: mediaTypeOf(mediaType, name),
    // Another client may store a file with this name before the form is complete.
    ...(isMadeUp && { precondition: { ifNoneMatch: '*' as const } }),
  }
}
