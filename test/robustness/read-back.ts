import { Writable } from 'node:stream'
import { lastValueFrom } from 'rxjs'
import { download, openFile } from '../../src/files/download/download.ts'
import type { FileStore } from '../../src/files/state/file-store.ts'
import { ClientSpeed } from '../../src/files/download/client-speed.ts'
import type { ByteRange } from '../../src/model/byte-range.ts'
import { parseFileRef } from '../../src/model/file.ts'
import { localCaller } from '../../src/model/principal.ts'

/** Keeps a copy of what is written to it, at once. */
export class Collector extends Writable {
  readonly #pieces: Buffer[] = []

  get bytes(): Buffer {
    return Buffer.concat(this.#pieces)
  }

  override _write(piece: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#pieces.push(Buffer.from(piece))
    done()
  }
}

/**
 * Writes a file, or a range of it, to a stream. Rejects as `download` does, and if there is no such
 * file.
 */
export async function sendTo(
  store: FileStore,
  ref: string,
  output: Writable,
  range?: ByteRange,
): Promise<void> {
  const open = await openFile(store, localCaller, parseFileRef(ref))
  if (!open) throw new Error(`there is no file ${ref}`)
  try {
    const wanted = range ?? { start: 0, end: open.file.size }
    await lastValueFrom(download(store, open.file, wanted, output, new ClientSpeed()), {
      defaultValue: undefined,
    })
  } finally {
    open.close()
  }
}

/** The bytes of a file, or of a range of it. */
export async function readBack(store: FileStore, ref: string, range?: ByteRange): Promise<Buffer> {
  const output = new Collector()
  await sendTo(store, ref, output, range)
  return output.bytes
}
