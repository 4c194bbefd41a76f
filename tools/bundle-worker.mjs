// Bundles the worker thread of the SQLite catalog into one file, which loads in a tenth of the time that its 290 modules take.
// `node tools/bundle-worker.mjs` refreshes the bundle that fast-start.mjs uses; with `dist`, it bundles the built worker in place.
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('..', import.meta.url)
const source = new URL('src/catalog/sqlite/worker.ts', root)
const built = new URL('dist/catalog/sqlite/worker.js', root)
const cache = new URL('node_modules/.cache/ashlar/', root)
const stampFile = new URL('catalog-worker.json', cache)

export const sourceOfWorker = source.href
export const cachedWorker = new URL('catalog-worker.mjs', cache)

/** Whether the cached bundle was made from the sources as they are now. */
export function isFresh() {
  try {
    const stamp = JSON.parse(readFileSync(stampFile, 'utf8'))
    return stamp.every(({ path, version }) => versionOf(path) === version)
  } catch (error) {
    if (error.code === 'ENOENT') return false
    throw error
  }
}

/** Makes the cached bundle unless it is fresh. Also the global setup of the tests. */
export default async function refresh() {
  if (isFresh()) return
  const { code, inputs } = await bundle(source)
  mkdirSync(cache, { recursive: true })
  const stamp = inputs.map((path) => ({ path, version: versionOf(path) }))
  replace(cachedWorker, code)
  replace(stampFile, JSON.stringify(stamp))
}

async function bundle(input) {
  // Loaded here because fast-start.mjs imports this file and does not bundle.
  const { rolldown } = await import('rolldown')
  const build = await rolldown({
    input: fileURLToPath(input),
    platform: 'node',
    // Only Kysely is bundled with our own code: the native hashing module cannot be.
    external: (id) => !/^[./]|^[a-z]:|^kysely$/i.test(id),
  })
  const { output } = await build.generate({ format: 'esm', banner: licence() })
  await build.close()
  const [{ code, moduleIds }] = output
  const ours = moduleIds.filter((id) => !id.includes('node_modules'))
  return { code, inputs: [...ours, fileURLToPath(new URL('package-lock.json', root))] }
}

/** The MIT licence must be part of every copy. */
function licence() {
  const text = readFileSync(new URL('node_modules/kysely/LICENSE', root), 'utf8')
  return `/*! Contains Kysely.\n\n${text}*/`
}

function versionOf(path) {
  const { mtimeMs, size } = statSync(path)
  return `${mtimeMs} ${size}`
}

/** Atomically: several processes may refresh at the same time. */
function replace(file, text) {
  const temporary = new URL(`${file.href}.${process.pid}`)
  writeFileSync(temporary, text)
  renameSync(temporary, file)
}

if (import.meta.main) {
  if (process.argv[2] === 'dist') replace(built, (await bundle(built)).code)
  else await refresh()
}
