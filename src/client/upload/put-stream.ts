import type { Connection } from '../transport/connection.ts'
import { withRetries } from '../transport/attempts.ts'
import { tusHeaders, uploadIdIn } from './create-file.ts'
import { conditionHeaders, type Conditions } from '../files/delete-file.ts'
import type { FileInfo } from '../files/file-info.ts'
import { heldPieces } from './held-pieces.ts'
import { metadataHeader, type Description } from './metadata-header.ts'
import { requestHeaders } from '../transport/request.ts'
import { showFile } from '../files/show-file.ts'
import { StreamedUpload } from './streamed-upload.ts'
import { startTransfer, type Transfer } from '../transfer.ts'

export interface PutStreamOptions extends Description, Conditions {
  readonly signal?: AbortSignal | undefined
}

/** Bytes that are held in case they must be sent again. */
const heldBytes = 8 * 1024 * 1024

export function putStream(
  connection: Connection,
  name: string,
  pieces: AsyncIterable<Uint8Array>,
  options: PutStreamOptions = {},
): Transfer<FileInfo> {
  return startTransfer(async (meter) => {
    const { signal } = options
    const headers = {
      ...tusHeaders,
      ...conditionHeaders(options),
      'Upload-Defer-Length': '1',
      'Upload-Metadata': metadataHeader(name, options),
    }
    const created = await withRetries(connection, signal, () =>
      requestHeaders(connection, 'uploads', { method: 'POST', headers, signal }),
    )
    const upload = new StreamedUpload(connection, uploadIdIn(created), options, meter)
    for await (const { bytes, isLast } of heldPieces(pieces, heldBytes, signal)) {
      if (isLast) meter.expect(upload.offset + bytes.length)
      await upload.append(bytes, isLast)
    }
    return showFile(connection, upload.ref, { signal })
  })
}
