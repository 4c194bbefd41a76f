import { createHash, randomFillSync } from 'node:crypto'
import { open } from 'node:fs/promises'

const pieceBytes = 16 * 1024 * 1024

/** Writes a file of random bytes, and resolves with their SHA-256. */
export async function writeLargeFile(path: string, size: number): Promise<string> {
  const hash = createHash('sha256')
  const piece = Buffer.alloc(pieceBytes)
  await using file = await open(path, 'wx')
  for (let at = 0; at < size; at += pieceBytes) {
    const bytes = randomFillSync(piece.subarray(0, Math.min(pieceBytes, size - at)))
    hash.update(bytes)
    await file.writeFile(bytes)
  }
  return hash.digest('hex')
}
