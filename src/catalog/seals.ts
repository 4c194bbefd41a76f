import { crc32 } from 'node:zlib'
import { StoreError } from '../model/errors.ts'

/*
 * Every row that decides which bytes are sent, or what is deleted, carries a checksum over its own
 * content and its key. A damaged page can drop a row, change it, or return another row for a key;
 * a row that is returned for the right key with the right seal is the row that was written.
 * CRC-32 finds every change of a single bit, and costs a twentieth of BLAKE3 for so few bytes.
 */

export interface SealedFile {
  readonly id: string
  readonly owner: string
  readonly name: string
  readonly size: number
  readonly media_type: string
  readonly digest: Uint8Array
  readonly created_at: number
  readonly modified_at: number
  readonly metadata: string
}

export interface SealedChunk {
  readonly digest: Uint8Array
  readonly size: number
  readonly block_digests: Uint8Array
}

export interface SealedUse extends SealedChunk {
  readonly start: number
  readonly seal: number
}

export function sealOfFile(row: SealedFile): number {
  const { id, owner, name, size, media_type, created_at, modified_at, metadata } = row
  const text = [id, owner, name, media_type, metadata, size, created_at, modified_at]
  return crc32(row.digest, crc32(JSON.stringify(text)))
}

/** Of a chunk's place in a list: it covers all of the chunk except where it is stored. */
export function sealOfUse(listId: string, start: number, chunk: SealedChunk): number {
  const place = crc32(`${listId} ${start} ${chunk.size}`)
  return crc32(chunk.block_digests, crc32(chunk.digest, place))
}

/** Of the place of a part's list in what was concatenated from it. */
export function sealOfSegment(fileId: string, start: number, partId: string): number {
  return crc32(`${fileId} ${start} ${partId}`)
}

/** Of the place where a page of a file's manifest is kept. */
export function sealOfManifest(location: string, fileId: string, page: number): number {
  return crc32(`${fileId} ${page} ${location}`)
}

export function checkFile(row: SealedFile & { readonly seal: number }): void {
  if (row.seal !== sealOfFile(row)) throw damage('the row of a file has changed')
}

export function checkUse(listId: string, row: SealedUse): void {
  if (row.seal !== sealOfUse(listId, row.start, row)) throw damage(`the chunk list ${listId} has changed`)
}

/** Each chunk must begin where the previous one ends. The first may begin at `end` at most. */
export function checkRun(
  rows: readonly { readonly start: number; readonly size: number }[],
  end: number,
): void {
  let [expected, isFirst] = [end, true]
  for (const { start, size } of rows) {
    if (isFirst ? start > expected : start !== expected) throw damage(`a chunk list has a gap at ${expected}`)
    expected = start + size
    isFirst = false
  }
}

/** What is wrong with the catalog itself, and what the operator has to do. */
export function damage(what: string, cause?: unknown): StoreError {
  // SQLite quotes whole statements.
  const line = what.replaceAll(/\s+/g, ' ').slice(0, 300)
  return new StoreError(
    'corrupt',
    `The catalog is damaged: ${line}. Run ashlar fsck, then stop the server and run ashlar rebuild.`,
    { cause },
  )
}
