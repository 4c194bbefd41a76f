import { request } from '../support/http-request.ts'
import { contentBytes } from './content.ts'
import type { History } from './history.ts'
import { version } from './offset-of.ts'
import { readFile } from './read-file.ts'
import type { Upload } from './upload.ts'
import { Violation } from './violation.ts'

/**
 * Continues each upload from where the server is. Throws a violation unless all become the files
 * that they were to be.
 */
export async function finishUploads(
  port: number,
  history: History,
  offsets: ReadonlyMap<Upload, number | undefined>,
): Promise<void> {
  for (const [upload, offset] of offsets) {
    if (offset === undefined || offset === upload.size) continue
    await sendRest(port, upload, offset)
    if (upload.isPartial) continue
    const file = await readFile(port, history, `@${upload.id}`)
    if (file?.tag !== upload.value.tag)
      throw new Violation(
        `upload ${upload.id} became file ${file?.tag}, not ${upload.value.tag}`,
        upload.name,
      )
  }
}

async function sendRest(port: number, upload: Upload, offset: number): Promise<void> {
  const { path, start, size, value, name } = upload
  const answer = await request({ port }, 'PATCH', path, {
    headers: {
      ...version,
      'Content-Type': 'application/offset+octet-stream',
      'Upload-Offset': offset,
      'Upload-Length': size,
    },
    body: contentBytes(value.content, start + offset, start + size),
  })
  if (answer.status === 204 && Number(answer.headers['upload-offset']) === size) return
  throw new Violation(`${path} cannot go on from ${offset}: ${answer.status} ${answer.body.toString()}`, name)
}
