import fs from 'node:fs'

/**
 * Fills `into` from byte `offset` of the file on and resolves with how many bytes there were: fewer than `into`
 * holds only where the file ends. An aborted read rejects with the signal's reason, but not before the call under way has
 * come back: until then the kernel may write to `into`.
 */
export async function readFully(
  fd: number,
  offset: number,
  into: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<number> {
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    let filled = 0
    const readOn = (): void => {
      fs.read(fd, into, filled, into.length - filled, offset + filled, (error, count) => {
        filled += count
        if (signal?.aborted) reject(signal.reason)
        else if (error) reject(error)
        else if (count === 0 || filled === into.length) resolve(filled)
        else readOn()
      })
    }
    readOn()
  })
}
