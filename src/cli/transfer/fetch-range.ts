import type { Reading } from '../../client/download/read-file.ts'
import { writeInPlace } from './fetch-file.ts'
import { humanSize } from '../terminal/quantities.ts'
import type { Session } from '../session.ts'

/** Brings a part of a file to `path`, where it appears whole or not at all. */
export async function fetchRange(
  session: Session,
  { file, from, to, bytes }: Reading,
  path: string,
): Promise<void> {
  const size = to - from
  // The time and the permissions are those of the whole.
  await writeInPlace(path, { metadata: {} }, async (target) => {
    let at = 0
    for await (const piece of bytes) {
      await target.write(at, piece)
      at += piece.length
    }
    await target.finish(size)
  })
  const { terminal, isJson } = session
  if (isJson) await terminal.printJson({ path, status: 'fetched', from, to, bytesFetched: size, file })
  terminal.say(`${humanSize(size)} fetched`)
}
