import { open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { diskError, isAbsence } from './fs-calls.ts'
import { syncDirectory } from './durable-directory.ts'

/**
 * A small file that one writer at a time replaces as a whole. All calls reject `unavailable`,
 * `no_space`.
 */
export function noteFile(directory: string, name: string) {
  const path = join(directory, name)
  return {
    /** Undefined if there is none. */
    async read(): Promise<string | undefined> {
      try {
        return await readFile(path, 'utf8')
      } catch (error) {
        if (await isAbsence(error, path)) return undefined
        throw diskError(error, `Cannot read ${path}`)
      }
    },
    async replace(text: string): Promise<void> {
      // Always the same name, so that killed processes do not leave more and more of them.
      const draft = `${path}.tmp`
      try {
        const file = await open(draft, 'w', 0o600)
        try {
          await file.writeFile(text)
          await file.sync()
        } finally {
          await file.close()
        }
        await rename(draft, path)
        await syncDirectory(directory)
      } catch (error) {
        await rm(draft, { force: true })
        throw diskError(error, `Cannot write ${path}`)
      }
    },
    close() {},
  }
}
