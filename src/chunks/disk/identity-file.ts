import { open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { StoreError } from '../../model/errors.ts'
import { identityName } from '../../model/store-identity.ts'
import { diskError } from './fs-calls.ts'
import { moveToFreeName } from '../move-to-free-name.ts'
import { syncDirectory } from './durable-directory.ts'

/** What a store or a catalog puts into its directory; other programs' files have other names. */
const ownNames = /^(?:ashlar-store\.json.*|ashlar-commits.*|chunks|manifests|catalog\.sqlite.*)$/

/** What the store's file about itself says; undefined if there is none. Rejects `unavailable`. */
export async function readIdentityFile(directory: string): Promise<string | undefined> {
  const path = join(directory, identityName)
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw diskError(error, `Cannot read ${path}`)
  }
}

/**
 * Creates it durably, unless it is there: then it stays as it is. Rejects `unavailable`,
 * `no_space`.
 */
export async function createIdentityFile(directory: string, text: string): Promise<void> {
  const path = join(directory, identityName)
  const draft = `${path}.${crypto.randomUUID()}`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await moveToFreeName(draft, path).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error
    })
    await rm(draft, { force: true })
    await syncDirectory(directory)
  } catch (error) {
    await rm(draft, { force: true })
    throw diskError(error, `Cannot create ${path}`)
  }
}

/**
 * Rejects `unavailable` for a directory that others use: it has files, and none of them is a
 * store's.
 */
export async function refuseForeignDirectory(directory: string): Promise<void> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return []
    throw diskError(error, `Cannot look into ${directory}`)
  })
  const visible = names.filter((name) => !name.startsWith('.') && name !== 'lost+found')
  if (visible.length === 0 || visible.some((name) => ownNames.test(name))) return
  throw new StoreError(
    'unavailable',
    `${directory} is not empty and is no Ashlar store: name a new or an empty directory.`,
  )
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
