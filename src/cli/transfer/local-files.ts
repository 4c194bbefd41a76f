import type { Stats } from 'node:fs'
import { glob, lstat, stat } from 'node:fs/promises'
import { basename, join, resolve, sep } from 'node:path'
import { folderEntries, undecodable, type FolderEntry } from './folder-entries.ts'

/** A file on this machine, and the name that it gets in the store. */
export interface LocalFile {
  readonly path: string
  readonly name: string
  readonly size: number
  readonly stats: Stats
  /**
   * The folder of the store that a folder of this machine is put as; files below it come in the
   * order of the store.
   */
  readonly folder?: string
}

export interface LocalFileOptions {
  /** Folders are taken with everything below them. */
  readonly isRecursive: boolean
  /** Instead of the own name of the one path. */
  readonly name?: string
  /** The folder in the store that all go into; `` for none. */
  readonly to: string
}

/** What becomes of a path that gives no file. */
export interface LocalFileProblems {
  /** It cannot be read. */
  failed(path: string, error: unknown): void
  /** It is left out on purpose. */
  skipped(path: string, why: string): void
}

/**
 * The files that paths and patterns stand for, as they are found. A file goes by its own name, a
 * folder with its own name in front of all that is below it; a path that ends in `.` or `..` has no
 * own name. A pattern that names nothing itself stands for what matches it. Links are followed when
 * they lead to a file, and when they are given as a path; a link to a folder inside a folder is
 * skipped, so that no walk goes round in circles.
 */
export async function* localFiles(
  paths: readonly string[],
  options: LocalFileOptions,
  problems: LocalFileProblems,
): AsyncGenerator<LocalFile> {
  const taken = new Set<string>()
  for (const given of paths) {
    for await (const { path, isMatch } of expanded(given, problems)) {
      try {
        const stats = await stat(path)
        const isFolder = stats.isDirectory()
        // As a shell that expands a pattern to folders would be told; but who quotes it means the
        // files.
        if (isFolder && isMatch && !options.isRecursive) continue
        if (isFolder && !options.isRecursive) throw new Error('is a folder: add -r to put all that is in it')
        const own = options.name ?? ownName(path)
        const name = joined(options.to, own)
        if (name !== '' && taken.has(name)) {
          throw new Error(
            `another path is put as ${name} already: put this one by itself, with --name or --to`,
          )
        }
        taken.add(name)
        if (isFolder) yield* filesIn(path, name, name, problems)
        else if (stats.isFile()) yield { path, name, size: stats.size, stats }
        else throw new Error('is not a regular file: pipe its content to `ashlar put - --name …`')
      } catch (error) {
        problems.failed(path, error)
      }
    }
  }
}

/** Segments joined by `/`, without those that are empty. */
export function joined(...parts: readonly string[]): string {
  return parts
    .flatMap((part) => part.split('/'))
    .filter((segment) => segment !== '')
    .join('/')
}

interface Expanded {
  readonly path: string
  readonly isMatch: boolean
}

/**
 * A shell has expanded patterns, unless they were quoted, or it is one that leaves that to the
 * program.
 */
async function* expanded(given: string, problems: LocalFileProblems): AsyncGenerator<Expanded> {
  const isPattern = /[*?[{]/.test(given) && !(await exists(given))
  // Names that are not UTF-8 may come as one and the same.
  const matches = new Set<string>()
  if (isPattern) for await (const path of glob(given)) matches.add(path)
  // What matches nothing is reported under the name that was given.
  for (const path of matches.size > 0 ? matches : [given]) {
    const others = await undecodable(path)
    for (const other of others) problems.failed(other, notUtf8())
    if (others.length === 0 || (await exists(path))) yield { path, isMatch: matches.size > 0 }
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch {
    return false
  }
}

function ownName(path: string): string {
  const last = path.split(sep === '/' ? sep : /[\\/]/).findLast((segment) => segment !== '')
  if (last === undefined || last === '.' || last === '..') return ''
  return basename(resolve(path))
}

async function* filesIn(
  path: string,
  name: string,
  folder: string,
  problems: LocalFileProblems,
): AsyncGenerator<LocalFile> {
  let entries: readonly FolderEntry[]
  try {
    entries = await folderEntries(path)
  } catch (error) {
    problems.failed(path, error)
    return
  }
  for (const entry of entries) {
    const entryPath = join(path, entry.name)
    const entryName = joined(name, entry.name)
    if (!entry.isUtf8) problems.failed(entryPath, notUtf8())
    else if (entry.isFolder) yield* filesIn(entryPath, entryName, folder, problems)
    else yield* fileAt(entryPath, entryName, folder, problems)
  }
}

function notUtf8(): Error {
  return new Error('the name is not UTF-8 and cannot be stored: rename the file')
}

async function* fileAt(
  path: string,
  name: string,
  folder: string,
  problems: LocalFileProblems,
): AsyncGenerator<LocalFile> {
  let stats: Stats
  try {
    stats = await stat(path)
  } catch (error) {
    problems.failed(path, error)
    return
  }
  if (stats.isFile()) yield { path, name, size: stats.size, stats, folder }
  else if (stats.isDirectory()) problems.skipped(path, 'is a link to a folder, and is skipped')
  else problems.skipped(path, 'is not a regular file, and is skipped')
}
