import { Writable } from 'node:stream'
import { lastValueFrom } from 'rxjs'
import { isStoreError } from '../../model/errors.ts'
import type { StoredFile } from '../../model/file.ts'
import { download } from './download.ts'
import type { FileStore, Storage, Transfer } from '../state/file-store.ts'
import type { HotFile } from '../state/small-file-cache.ts'
import { ClientSpeed } from './client-speed.ts'

/**
 * Loads a small, sound file into memory for this request and the next ones. Undefined if it is too
 * large, is damaged, or there is no room: then download it. `changes` is what `smallFiles` counted
 * before the file was looked up. Rejects as `download` errors.
 */
export async function openSmallFile(
  store: Storage & Transfer & Pick<FileStore, 'smallFiles'>,
  file: StoredFile,
  changes: number,
): Promise<HotFile | undefined> {
  const { smallFiles } = store
  const there = smallFiles.findBytes(file)
  if (there) return there
  const room = smallFiles.makeRoom(file)
  if (!room) return undefined
  try {
    const whole = { start: 0, end: file.size }
    await lastValueFrom(download(store, file, whole, filling(room.bytes), new ClientSpeed()), {
      defaultValue: undefined,
    })
    room.keep(changes)
    return room
  } catch (error) {
    room.release()
    // The damage may lie outside the requested range: the download will tell.
    if (isStoreError(error, 'corrupt')) return undefined
    throw error
  }
}

function filling(target: Buffer): Writable {
  let at = 0
  return new Writable({
    write(bytes: Buffer, _encoding, done) {
      at += bytes.copy(target, at)
      done()
    },
  })
}
