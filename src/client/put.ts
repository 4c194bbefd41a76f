import { StoreError } from '../model/errors.ts'
import { checkParallel } from './check-parallel.ts'
import type { Connection } from './connection.ts'
import type { Precondition } from './delete-file.ts'
import type { FileInfo } from './file-info.ts'
import { hasContentOf } from './has-content.ts'
import type { PutOptions } from './put-options.ts'
import { putParts } from './put-parts.ts'
import { putWhole, wholeBytes } from './put-whole.ts'
import { showFile, undefinedIfAbsent } from './show-file.ts'
import type { Source } from './source.ts'
import { startTransfer, type Transfer } from './transfer.ts'

export interface PutResult {
  readonly file: FileInfo
  /**
   * The name had a file with this content already: nothing was sent, no precondition was asked, and its media type and metadata are as they
   * were.
   */
  readonly isUnchanged: boolean
}

export function put(
  connection: Connection,
  name: string,
  source: Source,
  options: PutOptions = {},
): Transfer<PutResult> {
  return startTransfer(async (meter) => {
    const { signal } = options
    checkParallel(options)
    meter.expect(source.size)
    const present = await undefinedIfAbsent(showFile(connection, name, { signal }))
    if (present && (await hasContentOf(connection, present, source, signal))) {
      meter.reuse(source.size)
      return { file: present, isUnchanged: true }
    }
    refuseEarly(present, options)
    const send = source.size <= wholeBytes ? putWhole : putParts
    return { file: await send(connection, name, source, options, meter), isUnchanged: false }
  })
}

/** What is bound to be refused in the end is not sent. Whether the precondition holds then is for the server to see. */
function refuseEarly(present: FileInfo | undefined, { ifMatch, ifNoneMatch }: Precondition): void {
  const isMet =
    (ifMatch === undefined || isIn(ifMatch, present)) &&
    (ifNoneMatch === undefined || !isIn(ifNoneMatch, present))
  if (!isMet) {
    throw new StoreError(
      'precondition_failed',
      'The file that is there is not the one that the request names.',
    )
  }
}

function isIn(etags: string, file: FileInfo | undefined): boolean {
  return file !== undefined && (etags.trim() === '*' || etags.includes(file.etag))
}
