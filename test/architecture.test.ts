import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { importsOf } from './architecture/imports.ts'
import { violations } from './architecture/rules.ts'
import type { Sources } from './architecture/rules.ts'

async function readSources(): Promise<Sources> {
  const root = fileURLToPath(new URL('../src', import.meta.url))
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const sources = await Promise.all(
    paths.map(
      async (path) => [relative(root, path).split(sep).join('/'), await readFile(path, 'utf8')] as const,
    ),
  )
  return new Map(sources)
}

describe('the sources', () => {
  it('keep to the design', async () => {
    expect(violations(await readSources())).toEqual([])
  })

  it('are read, with their imports', async () => {
    const sources = await readSources()
    expect(importsOf(sources.get('catalog/catalog.ts') ?? '')).toContain('../model/file.ts')
    expect(importsOf(sources.get('config/config.ts') ?? '')).toContain('../../package.json')
  })
})

describe('an import is found in', () => {
  it.each([
    [`import a from './a.ts'`],
    [`import type { A, B as C } from "./a.ts"`],
    [`import {\n  a,\n  b,\n} from './a.ts'`],
    [`import a, { b } from './a.ts'`],
    [`import * as a from './a.ts'`],
    [`import './a.ts'`],
    [`import a from './a.ts' with { type: 'json' }`],
    [`export * from './a.ts'`],
    [`export * as a from './a.ts'`],
    [`export { a } from './a.ts'`],
    [`export type { A } from './a.ts'`],
    [`import{a}from'./a.ts'`],
    [`const from = 1; import a from './a.ts'`],
    [`const a = await import('./a.ts')`],
    [`const a = await import(\n  './a.ts',\n)`],
    [`type A = import('./a.ts').A`],
    ['await import(`./a.ts`)'],
    [`require('./a.ts')`],
    [`require.resolve('./a.ts')`],
    [`new URL('./a.ts', import.meta.url)`],
    [`new URL(\n  './a.ts',\n  import.meta.url,\n)`],
    [`new Worker(new URL('a.ts', import.meta.url))`],
    ['new URL(`a${extname(import.meta.url)}`, import.meta.url)'],
  ])('%j', (source) => {
    expect(importsOf(`const before = 'x'\n${source}\nconst after = 'y'\n`)).toEqual(['./a.ts'])
  })

  it.each([
    'await import(name)',
    `await import('./' + name)`,
    'await import(`./${name}`)',
    'new URL(name, import.meta.url)',
    'new URL(`./${name}`, import.meta.url)',
    'createRequire(import.meta.url)',
    `import.meta.resolve('./a.ts')`,
    `join(import.meta.dirname, 'a.ts')`,
  ])('%j, which cannot be read', (source) => {
    expect(importsOf(source)).toEqual([undefined])
  })

  it.each([
    `export const a = 'b'`,
    `export function f() { return 'from' }`,
    `export type A = 'a' | 'b'`,
    `export const from = './a.ts'`,
    'if (import.meta.main) main()',
    `new URL(target, 'http://host')`,
    'extname(import.meta.url)',
  ])('not %j', (source) => {
    expect(importsOf(source)).toEqual([])
  })
})

const importing = (from: string, specifier: string) =>
  violations(new Map([[from, `import '${specifier}'\n`]]))

describe('one file imports another', () => {
  it.each([
    ['model/file.ts', './digest.ts'],
    ['model/digest.ts', '@napi-rs/blake-hash'],
    ['model/digest.ts', 'node:crypto'],
    ['rx/chunked.ts', '../model/digest.ts'],
    ['rx/chunked.ts', 'rxjs'],
    ['chunks/verifying.ts', './chunk-store.ts'],
    ['chunks/disk/disk-chunk-store.ts', '../chunk-store.ts'],
    ['chunks/disk/disk-chunk-store.ts', './shards.ts'],
    ['chunks/limiting.ts', '../rx/fair-limiter.ts'],
    ['catalog/sql/files.ts', '../catalog.ts'],
    ['catalog/sql/migrations/0001-first-tables.ts', '../dialect.ts'],
    ['catalog/sqlite/worker.ts', '../sql/methods.ts'],
    ['catalog/postgres/dialect.ts', '../sql/dialect.ts'],
    ['files/download.ts', '../chunks/chunk-store.ts'],
    ['files/download.ts', '../chunks/verifying.ts'],
    ['files/download.ts', '../catalog/catalog.ts'],
    ['files/download.ts', '../rx/concat-map-eager.ts'],
    ['http/app.ts', '../files/file-store.ts'],
    ['http/app.ts', '../config/config.ts'],
    ['http/app.ts', '../rx/pulled.ts'],
    ['fronts/tus/create-upload.ts', '../../model/file.ts'],
    ['fronts/tus/create-upload.ts', '../../http/headers/etags.ts'],
    ['fronts/tus/create-upload.ts', './protocol-state.ts'],
    ['http/headers/etags.ts', '../../catalog/catalog.ts'],
    ['http/app.ts', '../chunks/chunk-store.ts'],
    ['client/put.ts', '../model/digest.ts'],
    ['cli/put.ts', '../client/put.ts'],
    ['cli/put.ts', '../model/digest.ts'],
    ['cli/serve.ts', '../server/run-server.ts'],
    ['cli/store/gc.ts', '../../server/open-stores.ts'],
    ['cli/store/gc.ts', '../../admin/collect-now.ts'],
    ['admin/collect-now.ts', '../files/collect-garbage.ts'],
    ['admin/opened-store.ts', '../catalog/upkeep.ts'],
    ['admin/opened-store.ts', '../chunks/chunk-store.ts'],
    ['admin/check-store.ts', '../buffers/buffer-pool.ts'],
    ['config/config.ts', './options.ts'],
    ['config/options.ts', '../model/digest.ts'],
    ['config/config.ts', '../../package.json'],
    ['server/app.ts', '../fronts/tus/append.ts'],
    ['main.ts', './chunks/disk/disk-chunk-store.ts'],
    ['index.ts', './catalog/sqlite/sqlite-catalog.ts'],
    ['main.ts', './server/app.ts'],
  ])('%s may import %s', (from, specifier) => {
    expect(importing(from, specifier)).toEqual([])
  })

  it.each([
    ['model/file.ts', '../rx/pulled.ts'],
    ['model/file.ts', '../config/config.ts'],
    ['rx/pulled.ts', '../buffers/buffer-pool.ts'],
    ['buffers/buffer-pool.ts', '../streams/chunked.ts'],
    ['rx/pulled.ts', '../chunks/chunk-store.ts'],
    ['rx/pulled.ts', '../files/download.ts'],
    ['chunks/verifying.ts', '../catalog/catalog.ts'],
    ['chunks/verifying.ts', '../files/download.ts'],
    ['chunks/verifying.ts', './disk/shards.ts'],
    ['chunks/disk/shards.ts', '../memory/memory-chunk-store.ts'],
    ['chunks/s3/s3-chunk-store.ts', '../disk/shards.ts'],
    ['catalog/sqlite/dialect.ts', '../postgres/dialect.ts'],
    ['catalog/postgres/dialect.ts', '../sqlite/dialect.ts'],
    ['catalog/sql/files.ts', '../sqlite/dialect.ts'],
    ['catalog/name-order.ts', './sqlite/schema.ts'],
    ['catalog/catalog.ts', '../chunks/chunk-store.ts'],
    ['catalog/catalog.ts', '../rx/pulled.ts'],
    ['files/download.ts', '../chunks/disk/disk-chunk-store.ts'],
    ['files/download.ts', '../catalog/sqlite/sqlite-catalog.ts'],
    ['files/download.ts', '../http/app.ts'],
    ['files/download.ts', '../config/config.ts'],
    ['files/download.ts', '../fronts/api/get-file.ts'],
    ['http/headers/etags.ts', '../../fronts/api/get-file.ts'],
    ['fronts/api/get-file.ts', '../tus/append.ts'],
    ['fronts/draft/append-part.ts', '../tus/append.ts'],
    ['fronts/api/get-file.ts', '../../chunks/wrappers/verifying.ts'],
    ['fronts/api/get-file.ts', '../../server/app.ts'],
    ['http/app.ts', '../chunks/verifying.ts'],
    ['http/app.ts', '../chunks/disk/disk-chunk-store.ts'],
    ['http/app.ts', '../catalog/sqlite/sqlite-catalog.ts'],
    ['http/app.ts', '../client/put.ts'],
    ['http/app.ts', '../main.ts'],
    ['client/put.ts', '../http/headers/etags.ts'],
    ['client/put.ts', '../config/config.ts'],
    ['cli/put.ts', '../files/download.ts'],
    ['cli/put.ts', '../config/config.ts'],
    ['cli/put.ts', '../server/open-stores.ts'],
    ['cli/store/gc.ts', '../../server/run-server.ts'],
    ['cli/gc.ts', '../files/collect-garbage.ts'],
    ['admin/gc.ts', '../main.ts'],
    ['admin/gc.ts', '../cli/quantities.ts'],
    ['admin/gc.ts', '../chunks/verifying.ts'],
    ['admin/gc.ts', '../catalog/sqlite/sqlite-catalog.ts'],
    ['files/download.ts', '../admin/gc.ts'],
    ['http/app.ts', '../admin/gc.ts'],
    ['cli/serve.ts', '../http/app.ts'],
    ['client/serve.ts', '../main.ts'],
    ['config/config.ts', '../http/app.ts'],
    ['config/options.ts', '../rx/pulled.ts'],
    ['files/download.ts', '../index.ts'],
    ['files/download.ts', '../../test/support/faulty.ts'],
    ['files/download.ts', 'ashlar'],
    ['files/download.ts', '/srv/ashlar/x.ts'],
    ['files/download.ts', '#drivers'],
  ])('%s must not import %s', (from, specifier) => {
    expect(importing(from, specifier)).toEqual([
      expect.stringMatching(new RegExp(`^${from} must not import `)),
    ])
  })
})

describe('also found is', () => {
  it.each([
    [
      'a part that is not in the design',
      { 'util/a.ts': `import '../model/b.ts'` },
      'util/a.ts belongs to no part of the design',
    ],
    [
      'a path that is computed',
      { 'files/a.ts': 'import(`./${b}`)' },
      'files/a.ts imports from a path that cannot be read',
    ],
    ['one in main.ts', { 'main.ts': 'import(driver)' }, 'main.ts imports from a path that cannot be read'],
    ['a name that is not in kebab-case', { 'files/aB.ts': '' }, 'files/aB.ts is not in kebab-case'],
    ['a folder that is not', { 'files/a_b/c.ts': '' }, 'files/a_b/c.ts is not in kebab-case'],
    [
      'a file that is too long',
      { 'files/a.ts': 'x\n'.repeat(301) },
      'files/a.ts has 301 lines, more than 300',
    ],
    [
      'a word that was replaced',
      { 'files/a.ts': '// Lets go of crumbs.' },
      'files/a.ts says “Lets go”, which has another name',
    ],
    [
      'a comment that is too wide',
      { 'files/a.ts': `// ${'x'.repeat(97)}\n  // ${'x'.repeat(96)}` },
      'files/a.ts:2 is a comment of more than 100 columns',
    ],
    [
      'a folder that holds too many',
      Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`files/a/b${index}.ts`, ''])),
      'files/a holds 21 files, more than 20',
    ],
    ['a file that imports itself', { 'rx/a.ts': `import './a.ts'` }, 'rx/a.ts → rx/a.ts is a cycle'],
    [
      'a cycle of types',
      { 'rx/a.ts': `import type { B } from './b.ts'`, 'rx/b.ts': `export type A = import('./a.ts').A` },
      'rx/a.ts → rx/b.ts → rx/a.ts is a cycle',
    ],
    [
      'a cycle behind a tail',
      { 'rx/a.ts': `import './b.ts'`, 'rx/b.ts': `import './c.ts'`, 'rx/c.ts': `import './b.ts'` },
      'rx/b.ts → rx/c.ts → rx/b.ts is a cycle',
    ],
  ])('%s', (_, sources, violation) => {
    expect(violations(new Map(Object.entries(sources)))).toEqual([violation])
  })

  it('nothing in what is right', () => {
    const sources = {
      'model/a.ts': 'x\n'.repeat(300),
      'rx/a.ts': `import '../model/a.ts'\nimport './b.ts'\nimport './c.ts'`,
      'rx/b.ts': `import './c.ts'`,
      'rx/c.ts': '',
      'tsconfig.json': '{}',
      'http/headers/mime-types.d.ts': '',
      'catalog/sql/migrations/0001-first-tables.ts': '',
    }
    expect(violations(new Map(Object.entries(sources)))).toEqual([])
  })
})
