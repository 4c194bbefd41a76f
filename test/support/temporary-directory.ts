import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A fresh, empty directory that lives as long as the test that asks for it. */
export async function temporaryDirectory(parent = tmpdir()): Promise<string> {
  const directory = await mkdtemp(join(parent, 'ashlar-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}
