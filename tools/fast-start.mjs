// For `node --import`: starts the sources fast. Caches compiled code, and loads the worker thread of the SQLite catalog
// from the bundle that bundle-worker.mjs makes, unless a source file has changed since.
import module from 'node:module'
import { isMainThread } from 'node:worker_threads'
import { cachedWorker, isFresh, sourceOfWorker } from './bundle-worker.mjs'

module.enableCompileCache()
if (!isMainThread) {
  module.registerHooks({
    resolve(specifier, context, nextResolve) {
      const resolved = nextResolve(specifier, context)
      return resolved.url === sourceOfWorker && isFresh()
        ? { ...resolved, url: cachedWorker.href, format: 'module' }
        : resolved
    },
  })
}
