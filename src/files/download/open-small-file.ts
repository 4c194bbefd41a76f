import { Writable } from 'node:stream'
import { lastValueFrom } from 'rxjs'
import { isStoreError } from '../../model/errors.ts'
import type { StoredFile } from '../../model/file.ts'
import { download } from './download.ts'
import type { FileStore } from '../state/file-store.ts'
import type { HotFile } from '../state/hot-files.ts'
import { Pace } from './pace.ts'

/**
 * Has the bytes of an open file in memory, now and for who comes next, if it is small and sound and there is room; who gets undefined downloads it. `changes`
 * is what `hotFiles` counted before the file was looked up. Rejects as `download` errors.
 */
export async function openSmallFile(
  store: FileStore,
  file: StoredFile,
  changes: number,
): Promise<HotFile | undefined> {
  const { hotFiles } = store
  const there = hotFiles.findBytes(file)
  if (there) return there
  const room = hotFiles.makeRoom(file)
  if (!room) return undefined
  try {
    const whole = { start: 0, end: file.size }
    await lastValueFrom(download(store, file, whole, filling(room.bytes), new Pace()), {
      defaultValue: undefined,
    })
    room.keep(changes)
    return room
  } catch (error) {
    room.release()
    // What is damaged need not be what is asked for: the download will tell.
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
