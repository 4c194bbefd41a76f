import type { Connection } from './connection.ts'
import type { Precondition } from './delete-file.ts'
import type { FileInfo } from './file-info.ts'
import { findSameFile } from './has-content.ts'
import type { Description } from './metadata-header.ts'
import { putParts } from './put-parts.ts'
import { putWhole, wholeBytes } from './put-whole.ts'
import type { Source } from './source.ts'
import { startTransfer, type Transfer } from './transfer.ts'

export interface PutOptions extends Description, Precondition {
  readonly signal?: AbortSignal
  /** Parts of one file that are sent side by side; 4 if not given. */
  readonly parallel?: number
}

export interface PutResult {
  readonly file: FileInfo
  /** The name had a file with this content already: nothing was sent, and its media type and metadata are as they were. */
  readonly isUnchanged: boolean
}

export function put(
  connection: Connection,
  name: string,
  source: Source,
  options: PutOptions = {},
): Transfer<PutResult> {
  return startTransfer(async (meter) => {
    meter.expect(source.size)
    const same = await findSameFile(connection, name, source, options.signal)
    if (same) {
      meter.reuse(source.size)
      return { file: same, isUnchanged: true }
    }
    const send = source.size <= wholeBytes ? putWhole : putParts
    return { file: await send(connection, name, source, options, meter), isUnchanged: false }
  })
}
