import type { Metadata } from './file.ts'

/** What `ashlar put` has kept of a file: when it was last changed, in milliseconds since 1970, and its permissions. */
export function keptAttributes({ mtime, mode }: Metadata): { mtimeMs?: number; mode?: number } {
  const mtimeMs = new Date(mtime ?? Number.NaN).getTime()
  return {
    ...(!Number.isNaN(mtimeMs) && { mtimeMs }),
    // Never more than permissions: a server must not be able to hand out a file that runs as somebody else.
    ...(mode !== undefined && /^[0-7]{3}$/.test(mode) && { mode: Number.parseInt(mode, 8) }),
  }
}
