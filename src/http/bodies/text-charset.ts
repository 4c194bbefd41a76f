import { isUtf8 } from 'node:buffer'
import { firstBytes } from '../../files/download/first-bytes.ts'
import type { FileStore } from '../../files/state/file-store.ts'
import type { StoredFile } from '../../model/file.ts'
import type { HttpContext } from '../server/context.ts'

/** Checking longer files in full would cost as much as reading them. */
const bytesLookedAt = 64 * 1024
const longestCharacter = 4

/**
 * Adds `charset=utf-8` to the type of text that is shown in place: browsers would otherwise take it
 * for Windows-1252. `bytes` is the file, or its beginning unless `isWhole`.
 */
export function describeCharset(ctx: HttpContext, { mediaType }: StoredFile, bytes: Buffer, isWhole = true) {
  if (isUtf8Text(bytes, isWhole)) {
    ctx.res.setHeader('Content-Type', `${mediaType.replace(/[ \t;]+$/, '')}; charset=utf-8`)
  }
}

/** The same for a file that is not in memory. */
export async function describeCharsetOf(store: FileStore, ctx: HttpContext, file: StoredFile): Promise<void> {
  const bytes = await firstBytes(store, file, bytesLookedAt)
  if (bytes) describeCharset(ctx, file, bytes, file.size <= bytesLookedAt)
}

/** Whether the file is text that is shown, and its media type says nothing of an encoding. */
export function needsCharset(ctx: HttpContext, { mediaType }: StoredFile): boolean {
  const isOpen = /^text\//i.test(mediaType) && !/;[ \t]*charset=/i.test(mediaType)
  return isOpen && ctx.state.target.query.get('inline') === '1'
}

function isUtf8Text(bytes: Buffer, isWhole: boolean): boolean {
  // Every other byte of UTF-16 can be 0, which would pass for UTF-8.
  if (bytes.includes(0)) return false
  if (isUtf8(bytes)) return true
  if (isWhole) return false
  // The last character may be cut.
  for (let cut = 1; cut < longestCharacter; cut++) {
    if (isUtf8(bytes.subarray(0, -cut))) return true
  }
  return false
}
