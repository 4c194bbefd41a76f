import { open } from 'node:fs/promises'

/** Damages a file in place, as a disk would: one bit of the byte at `at`. */
export async function flipBitOfFile(path: string, at: number): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const byte = Buffer.alloc(1)
    await file.read(byte, 0, 1, at)
    byte[0] = byte[0]! ^ 1
    await file.write(byte, 0, 1, at)
  } finally {
    await file.close()
  }
}
