// For `node --import`: starts the sources fast. Caches compiled code, and begins a process or a
// worker thread with the bundle that bundle-sources.mjs made of it, unless a source file has
// changed since.
import module from 'node:module'
import { isMainThread } from 'node:worker_threads'
import { fileURLToPath } from 'node:url'
import { cache, freshBundle } from './bundles.mjs'

module.enableCompileCache(fileURLToPath(new URL('compiled/', cache)))
module.registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context)
    // Only the first module of a process has no parent; that of a thread has the name of its entry.
    const isEntry = isMainThread ? context.parentURL === undefined : resolved.url.endsWith('worker.ts')
    const url = isEntry ? freshBundle(resolved.url) : undefined
    return url === undefined ? resolved : { ...resolved, url, format: 'module' }
  },
})
