import { isUtf8 } from 'node:buffer'
import { opendir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

export interface FolderEntry {
  /** Bytes that are not UTF-8 are written as `\xff`: such a name is for messages only. */
  readonly name: string
  readonly isUtf8: boolean
  readonly isFolder: boolean
}

/**
 * What is in a folder, in the order that names have in the store, where those below a folder begin
 * with its name and `/`. Holds the names of one folder.
 */
export async function folderEntries(folder: string): Promise<readonly FolderEntry[]> {
  const keys: string[] = []
  for await (const { bytes, isFolder } of rawEntries(folder)) {
    // A character for each byte: strings compare as bytes do.
    keys.push(`${bytes.toString('latin1')}${isFolder ? '/' : ''}`)
  }
  return keys.sort().map((key) => {
    const isFolder = key.endsWith('/')
    const bytes = Buffer.from(isFolder ? key.slice(0, -1) : key, 'latin1')
    return { name: nameOf(bytes), isUtf8: isUtf8(bytes), isFolder }
  })
}

/**
 * Node decodes what is not UTF-8 to U+FFFD, in arguments and in matches of patterns alike. Names
 * that a path with it may have been decoded from, and that it cannot stand for.
 */
export async function undecodable(path: string): Promise<readonly string[]> {
  const name = basename(path)
  if (!name.includes('\uFFFD')) return []
  const found: string[] = []
  for await (const { bytes } of rawEntries(dirname(path))) {
    if (!isUtf8(bytes) && bytes.toString() === name) found.push(join(dirname(path), nameOf(bytes)))
  }
  return found
}

async function* rawEntries(folder: string): AsyncGenerator<{ bytes: Buffer; isFolder: boolean }> {
  // Node takes this encoding; its types do not know.
  const encoding = 'buffer' as BufferEncoding
  for await (const entry of await opendir(Buffer.from(folder), { encoding })) {
    yield { bytes: entry.name as unknown as Buffer, isFolder: entry.isDirectory() }
  }
}

function nameOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString()
  let shown = ''
  for (let at = 0; at < bytes.length;) {
    const length = [1, 2, 3, 4].find(
      (count) => at + count <= bytes.length && isUtf8(bytes.subarray(at, at + count)),
    )
    shown +=
      length === undefined
        ? `\\x${bytes.toString('hex', at, at + 1)}`
        : bytes.toString('utf8', at, at + length)
    at += length ?? 1
  }
  return shown
}
