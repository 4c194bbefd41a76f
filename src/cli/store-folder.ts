import { joined } from './transfer/local-files.ts'

/** A folder in the store: not a thing, but what names have in common. */
export interface StoreFolder {
  /** What names in it begin with; `` for everything. */
  readonly prefix: string
  /** The name under which it is brought back; `` if it is meant without one. */
  readonly ownName: string
}

/** `photos` and `photos/` are the folder, `photos/.` is what is in it; `.` is everything. */
export function storeFolder(text: string): StoreFolder {
  const segments = text.split('/').filter((segment) => segment !== '')
  const isContent = segments.length === 0 || segments.at(-1) === '.'
  if (segments.at(-1) === '.') segments.pop()
  const name = joined(...segments)
  return {
    prefix: name === '' ? '' : `${name}/`,
    ownName: isContent ? '' : (segments.at(-1) ?? ''),
  }
}
