import { posix } from 'node:path'
import { importsOf } from './imports.ts'

/** Text of source files by their path below src/. */
export type Sources = ReadonlyMap<string, string>

const maxLines = 300
/** Of a line of a comment. */
const maxColumns = 100
/** More than that in one folder, and nobody finds anything. */
const maxFiles = 20

/** What each part may import besides itself. Each front is a part of its own. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  model: [],
  rx: ['model'],
  system: [],
  buffers: ['rx', 'system'],
  streams: ['model', 'rx', 'buffers'],
  hashing: ['model', 'system'],
  chunks: ['model', 'hashing', 'rx', 'streams', 'buffers', 'system'],
  catalog: ['model', 'system'],
  files: ['model', 'hashing', 'rx', 'streams', 'buffers', 'system', 'chunks', 'catalog'],
  admin: ['files', 'model', 'rx', 'buffers'],
  config: ['model'],
  http: ['files', 'model', 'rx', 'system', 'config'],
  'fronts/api': ['http', 'files', 'model'],
  'fronts/tus': ['http', 'files', 'model'],
  'fronts/draft': ['http', 'files', 'model'],
  client: ['model', 'rx'],
  cli: ['client', 'admin', 'model', 'rx'],
}

/**
 * The types of what they are given, which is all that HTTP and administration need to know of
 * chunks and the catalog.
 */
const interfaces = new Set(['chunks/chunk-store.ts', 'catalog/catalog.ts', 'catalog/upkeep.ts'])
const knowInterfaces = new Set(['http', 'fronts/api', 'fronts/tus', 'fronts/draft', 'admin'])

/**
 * `ashlar serve` is the server: a child process instead would have to pass on signals, output and
 * exit codes. What it starts is all that it knows of it. Commands on a store itself have it opened
 * by the server's part, too, and no other command knows that.
 */
const startServer = (from: string, to: string) =>
  (from === 'cli/serve.ts' && to === 'server/run-server.ts') ||
  (from.startsWith('cli/store/') && to === 'server/open-stores.ts')

/** Which driver serves is decided in one place. */
const mayImportEverything = (path: string) =>
  path === 'main.ts' || path === 'index.ts' || path.startsWith('server/')

/** Everything in the sources that the design forbids, one sentence each. */
export function violations(sources: Sources): readonly string[] {
  const ofFiles = [...sources].flatMap(([path, source]) => {
    const ofImports = importsOf(source).flatMap((specifier) => aboutImport(path, specifier))
    const abouts = [aboutName, aboutLength, aboutComments, aboutWords]
    return [...abouts.map((about) => about(path, source)), ofImports].flat()
  })
  return [...ofFiles, ...aboutFolders(sources), ...cycles(sources)]
}

function aboutName(path: string): readonly string[] {
  // The page that explains a folder has the name under which it is shown.
  if (path.endsWith('README.md')) return []
  const isKebab = path
    .split('/')
    .every((segment) => /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.d)?(?:\.[a-z0-9]+)?$/.test(segment))
  return isKebab ? [] : [`${path} is not in kebab-case`]
}

function aboutLength(path: string, source: string): readonly string[] {
  const lines = source.replace(/\n$/, '').split('\n').length
  return lines > maxLines ? [`${path} has ${lines} lines, more than ${maxLines}`] : []
}

function aboutComments(path: string, source: string): readonly string[] {
  if (!path.endsWith('.ts')) return []
  return source.split('\n').flatMap((line, index) => {
    // What tells a tool something is one line, however long.
    const isComment = /^\s*(?:\/\/|\/\*|\*)/.test(line) && !/^\s*\/\/ oxlint-/.test(line)
    const isTooLong = isComment && Array.from(line).length > maxColumns
    return isTooLong ? [`${path}:${index + 1} is a comment of more than ${maxColumns} columns`] : []
  })
}

/** Words that each had another one for the same thing; DESIGN says which stays. */
const replacedWords =
  /\b(?:crumbs?|doomed|lets? go|on offer|on the side|salvag\w*|surveys?|unsettled|hot files?)\b/i

function aboutWords(path: string, source: string): readonly string[] {
  // What is on disk keeps its names.
  if (path.includes('/migrations/')) return []
  const [word] = replacedWords.exec(source) ?? []
  return word === undefined ? [] : [`${path} says “${word}”, which has another name`]
}

function aboutFolders(sources: Sources): readonly string[] {
  const folders = Map.groupBy(sources.keys(), (path) => posix.dirname(path))
  return [...folders]
    .filter(([, paths]) => paths.length > maxFiles)
    .map(([folder, paths]) => `${folder} holds ${paths.length} files, more than ${maxFiles}`)
}

function aboutImport(from: string, specifier: string | undefined): readonly string[] {
  if (specifier === undefined) return [`${from} imports from a path that cannot be read`]
  const to = resolve(from, specifier)
  if (to === undefined || mayImportEverything(from)) return []
  // The package's own description, which says the version.
  if (to === '../package.json' || startServer(from, to)) return []
  const [here, there] = [partOf(from), partOf(to)]
  const allowed = mayImport[here]
  if (allowed === undefined) return [`${from} belongs to no part of the design`]
  const isAllowed =
    here === there || allowed.includes(there) || (knowInterfaces.has(here) && interfaces.has(to))
  const driver = driverOf(to)
  const isForeignDriver = driver !== undefined && driver !== driverOf(from)
  return isAllowed && !isForeignDriver ? [] : [`${from} must not import ${to}`]
}

/** Below src/ or, with dots in front, beside it; undefined for a package. */
function resolve(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return posix.normalize(posix.join(posix.dirname(from), specifier))
  const isPackage =
    specifier.startsWith('node:') || /^(?:@[a-z0-9-]+\/)?[a-z0-9][\w.-]*(?:\/|$)/.test(specifier)
  // A package that imports itself by name gets around all that is ruled here.
  return isPackage && !/^ashlar(?:\/|$)/.test(specifier) ? undefined : specifier
}

function partOf(path: string): string {
  const [first = '', second = ''] = path.split('/')
  return first === 'fronts' ? `${first}/${second}` : first
}

function driverOf(path: string): string | undefined {
  return /^(?:chunks\/(?:disk|memory|s3)|catalog\/(?:sqlite|postgres))(?=\/)/.exec(path)?.[0]
}

/** One sentence for each import that closes a circle. */
function cycles(sources: Sources): readonly string[] {
  const found: string[] = []
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]) => {
    if (trail.includes(path)) {
      found.push(`${[...trail.slice(trail.indexOf(path)), path].join(' → ')} is a cycle`)
      return
    }
    if (done.has(path)) return
    for (const specifier of importsOf(sources.get(path) ?? '')) {
      const to = specifier === undefined ? undefined : resolve(path, specifier)
      if (to !== undefined && sources.has(to)) visit(to, [...trail, path])
    }
    done.add(path)
  }
  for (const path of sources.keys()) visit(path, [])
  return found
}
