// Bundles the programs of this repository: starting from a few files takes half of the CPU time.
// `node tools/bundle-sources.mjs` refreshes the bundles that fast-start.mjs uses; with `dist`, it
// bundles the worker thread of the built SQLite catalog in place.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { cache, freshBundle, listFile, root, versionOf } from './bundles.mjs'

/** What processes and worker threads begin with, by the name of the bundle. */
const programs = { server: 'src/main.ts', 'command-line': 'test/cli/children/ashlar.ts' }
const threads = {
  'catalog-worker': 'src/catalog/sqlite/worker.ts',
  'hash-worker': 'src/hashing/hash-worker.ts',
}

/** An old bundle may still be loaded, in part, by a process that began with it. */
const keptMs = 7 * 24 * 3600 * 1000

/** Makes the bundles unless they are fresh. Also the global setup of the tests. */
export default async function refresh() {
  const sources = Object.values({ ...programs, ...threads })
  if (sources.every((source) => freshBundle(new URL(source, root).href) !== undefined)) return
  mkdirSync(cache, { recursive: true })
  forgetOld()
  // Never written to again: whoever runs the old bundles may load more of them.
  const folder = `${Date.now()}-${process.pid}/`
  mkdirSync(new URL(folder, cache))
  const builds = [
    bundle(programs, folder),
    // Of one file each: every further one takes a thread a millisecond to load.
    ...Object.entries(threads).map(([name, source]) => bundle({ [name]: source }, folder)),
  ]
  replace(listFile, JSON.stringify((await Promise.all(builds)).flat()))
}

/**
 * Writes the bundles of some entries, which share files, and resolves with what is listed of them.
 */
async function bundle(entries, folder) {
  // Loaded only where something has to be bundled.
  const { rolldown } = await import('rolldown')
  const build = await rolldown({
    input: entries,
    cwd: fileURLToPath(root),
    platform: 'node',
    logLevel: 'silent',
    // Native modules cannot be bundled, and what few need would make the bundles large.
    external: (id) => /^(?:@napi-rs\/|@aws-sdk\/|@smithy\/|pg$)/.test(id),
    plugins: [whereTheSourcesAre],
  })
  const names = { entryFileNames: '[name].mjs', chunkFileNames: '[name]-[hash].mjs' }
  const { output } = await build.generate({ format: 'esm', ...names })
  await build.close()
  for (const { fileName, code } of output) writeFileSync(new URL(folder + fileName, cache), code)
  const ours = output
    .flatMap(({ moduleIds = [] }) => moduleIds)
    .map((id) => relative(fileURLToPath(root), id))
    .filter((path) => /^(?:src|test)\b/.test(path))
  const paths = [...ours, 'package-lock.json', 'tools/bundle-sources.mjs']
  const inputs = paths.map((path) => ({ path, version: versionOf(path) }))
  return Object.entries(entries).map(([name, source]) => ({ source, file: `${folder}${name}.mjs`, inputs }))
}

/** Workers and the package's description are found from where the sources are. */
const whereTheSourcesAre = {
  name: 'where-the-sources-are',
  transform(code, id) {
    if (id.includes('node_modules') || !code.includes('import.meta.url')) return undefined
    return code.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(id).href))
  },
}

async function bundleBuilt() {
  const built = new URL('dist/catalog/sqlite/worker.js', root)
  const { rolldown } = await import('rolldown')
  const build = await rolldown({
    input: fileURLToPath(built),
    platform: 'node',
    // Only Kysely is bundled with our own code, but for the hasher, which is loaded when it is
    // needed, from where it was built.
    external: (id) => id.endsWith('/hashers.js') || !/^[./]|^[a-z]:|^kysely$/i.test(id),
  })
  const { output } = await build.generate({ format: 'esm', banner: licence() })
  await build.close()
  if (output.length !== 1) throw new Error(`the worker is in ${output.length} files`)
  replace(built, output[0].code)
}

/** The MIT licence must be part of every copy. */
function licence() {
  const text = readFileSync(new URL('node_modules/kysely/LICENSE', root), 'utf8')
  return `/*! Contains Kysely.\n\n${text}*/`
}

function forgetOld() {
  for (const name of readdirSync(cache)) {
    const old = new URL(name, cache)
    const stats = statSync(old, { throwIfNoEntry: false })
    if (stats && stats.mtimeMs < Date.now() - keptMs) rmSync(old, { recursive: true, force: true })
  }
}

/** Atomically: several processes may refresh at the same time. */
function replace(file, text) {
  const temporary = new URL(`${file.href}.${process.pid}`)
  writeFileSync(temporary, text)
  renameSync(temporary, file)
}

if (import.meta.main) {
  if (process.argv[2] === 'dist') await bundleBuilt()
  else await refresh()
}
