import { Writable } from 'node:stream'
import { lastValueFrom } from 'rxjs'
import { isStoreError } from '../../model/errors.ts'
import type { StoredFile } from '../../model/file.ts'
import { download } from './download.ts'
import type { Storage, Transfer } from '../state/file-store.ts'
import { ClientSpeed } from './client-speed.ts'

/**
 * The beginning of an open file, or all of a shorter one; undefined if that is damaged. Rejects as
 * `download` errors.
 */
export async function firstBytes(
  store: Storage & Transfer,
  file: StoredFile,
  most: number,
): Promise<Buffer | undefined> {
  const pieces: Buffer[] = []
  const collecting = new Writable({
    write(bytes: Buffer, _encoding, done) {
      // The buffer is reused.
      pieces.push(Buffer.from(bytes))
      done()
    },
  })
  const range = { start: 0, end: Math.min(most, file.size) }
  try {
    await lastValueFrom(download(store, file, range, collecting, new ClientSpeed()), {
      defaultValue: undefined,
    })
    return Buffer.concat(pieces)
  } catch (error) {
    if (isStoreError(error, 'corrupt')) return undefined
    throw error
  }
}
