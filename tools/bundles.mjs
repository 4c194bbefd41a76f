// Where the bundles are that bundle-sources.mjs makes, and whether they are of the sources as they
// are now. It is loaded by every process and thread that starts fast, and so loads little itself.
import { readFileSync, statSync } from 'node:fs'

export const root = new URL('..', import.meta.url)
export const cache = new URL('node_modules/.cache/ashlar/', root)
export const listFile = new URL('bundles.json', cache)

/**
 * URL of the bundle that begins with a source file; undefined if there is none, or a source has
 * changed since it was made.
 */
export function freshBundle(sourceUrl) {
  const bundle = list().find(({ source }) => new URL(source, root).href === sourceUrl)
  const isFresh = bundle?.inputs.every(({ path, version }) => versionOf(path) === version)
  return isFresh ? new URL(bundle.file, cache).href : undefined
}

/**
 * `[{ source, file, inputs: [{ path, version }] }]`: paths are below the repository, `file` is
 * below the cache.
 */
function list() {
  try {
    return JSON.parse(readFileSync(listFile, 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
}

export function versionOf(path) {
  const stats = statSync(new URL(path, root), { throwIfNoEntry: false })
  return stats && `${stats.mtimeMs} ${stats.size}`
}
