import type { Connection } from './connection.ts'
import { createFile, tusHeaders } from './create-file.ts'
import { conditionHeaders } from './delete-file.ts'
import type { FileInfo } from './file-info.ts'
import { metadataHeader, toBase64 } from './metadata-header.ts'
import type { PutOptions } from './put-options.ts'
import { contentOf, sendBytes, sizeChanged } from './send-bytes.ts'
import type { Source } from './source.ts'
import type { ProgressMeter } from './transfer.ts'

/** Up to here a file is not worth more than one request: one block. */
export const wholeBytes = 1024 * 1024

/** Sends a file in one request, with a checksum: it is there whole or not at all. */
export async function putWhole(
  connection: Connection,
  name: string,
  source: Source,
  options: PutOptions,
  meter: ProgressMeter,
): Promise<FileInfo> {
  const { signal } = options
  const bytes = await readWhole(source)
  const headers = {
    ...tusHeaders,
    ...conditionHeaders(options),
    'Upload-Length': String(bytes.length),
    'Upload-Metadata': metadataHeader(name, options),
    'Upload-Checksum': `sha256 ${toBase64(await connection.platform.sha256(bytes))}`,
  }
  const file = await createFile(connection, name, source, signal, () =>
    sendBytes(connection, 'uploads', { method: 'POST', headers, signal }, contentOf(bytes)),
  )
  meter.add(bytes.length)
  return file
}

async function readWhole(source: Source): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(source.size)
  let filled = 0
  for await (const piece of source.read(0, source.size)) {
    if (filled + piece.length > bytes.length) throw sizeChanged()
    bytes.set(piece, filled)
    filled += piece.length
  }
  if (filled < bytes.length) throw sizeChanged()
  return bytes
}
