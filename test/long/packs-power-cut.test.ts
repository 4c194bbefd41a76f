import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { sampleChunk } from '../chunks/sample-chunk.ts'
import { storedFiles, type StoredBytes } from '../chunks/stored-files.ts'
import { buildShim } from '../crash/power-cut/build-shim.ts'
import { Dice } from '../crash/dice.ts'
import { Disk } from '../crash/power-cut/disk.ts'
import type { Survives } from '../crash/power-cut/pending.ts'
import { readJournal, type JournalRecord } from '../crash/power-cut/read-journal.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const child = fileURLToPath(new URL('children/packs.ts', import.meta.url))

interface Said {
  /** Bytes that the journal had. */
  readonly at: number
  readonly opened?: true
  readonly put?: string
  readonly seed?: number
  readonly deleting?: string
  readonly deleted?: string
}

/** What a power cut leaves of what was not synced. */
const mercies: readonly (readonly [string, (at: number) => Survives])[] = [
  ['nothing', () => ({ change: () => false, isWhole: () => false })],
  ['everything', () => ({ change: () => true, isWhole: () => true })],
  ['what chance leaves', (at) => byChance(String(at))],
  ['one change, and not the next', () => everyOther(0)],
  ['not one change, but the next', () => everyOther(1)],
]

function everyOther(from: number): Survives {
  let count = from
  return { change: () => count++ % 2 === 0, isWhole: () => true }
}

function byChance(seed: string): Survives {
  const dice = new Dice(seed)
  return { change: () => dice.percent(50), isWhole: () => dice.percent(50) }
}

async function recorded(kind: string) {
  const directory = await temporaryDirectory()
  const root = join(directory, 'disk')
  await mkdir(root)
  const journal = join(directory, 'journal')
  const env = {
    ...process.env,
    CRASH_ROOT: root,
    CRASH_JOURNAL: journal,
    LD_PRELOAD: await buildShim(directory),
  }
  const inode = (await stat(root, { bigint: true })).ino
  const { stdout } = await promisify(execFile)(process.execPath, [child, join(root, 'chunks'), kind], { env })
  const said = stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Said)
  return {
    directory,
    disk: new Disk(root, inode),
    manifests: [...readJournal(await readFile(journal))],
    said,
  }
}

/**
 * Before a sync ends, and after a change of names, there is the most to lose; of what comes right
 * after those nothing more is.
 */
function isWorthACut({ kind }: JournalRecord): boolean {
  return kind !== 'create' && kind !== 'sync-begin'
}

/** What is wrong with what is left, given what had been said by then. */
function faultsOf(store: string, said: readonly Said[], isDurable: boolean): readonly string[] {
  const stored = storedFiles(store)
  const begun = new Set(said.map(({ deleting }) => deleting))
  const faults: string[] = []
  for (const { put, seed = 0 } of said) {
    if (put === undefined || begun.has(put)) continue
    const found = stored.get(put)
    if (!found) faults.push(`${put} is gone`)
    else if (!bytesAt(found).equals(sampleChunk(3000, seed).bytes)) faults.push(`${put} is damaged`)
  }
  for (const { deleted } of said)
    if (isDurable && deleted !== undefined && stored.has(deleted)) faults.push(`${deleted} is back`)
  // A pack that has its name is whole.
  for (const path of stored.keys()) if (path.endsWith('.pack')) faults.push(`${path} is torn`)
  return faults
}

function bytesAt({ path, offset, size }: StoredBytes): Buffer {
  return readFileSync(path).subarray(offset, offset + size)
}

describe.runIf(process.platform === 'linux')('a power cut at any moment', () => {
  it.each(['durable', 'other'])(
    'loses no chunk of a pack, and %s deletes keep their promise',
    async (kind) => {
      const { directory, disk, manifests, said } = await recorded(kind)
      const opened = said.find((each) => each.opened)!.at
      const remains = join(directory, 'remains')
      const faults: string[] = []
      let cuts = 0
      for (const manifest of manifests) {
        disk.apply(manifest)
        if (manifest.end < opened || !isWorthACut(manifest)) continue
        for (const [left, survives] of mercies) {
          await disk.writeRemains(remains, survives(manifest.end))
          const before = said.filter(({ at }) => at <= manifest.end)
          const found = faultsOf(join(remains, 'chunks'), before, kind === 'durable')
          faults.push(
            ...found.map((fault) => `after ${manifest.kind} at ${manifest.end}, with ${left} left: ${fault}`),
          )
          await rm(remains, { recursive: true })
          cuts++
        }
      }
      expect(faults).toEqual([])
      expect(cuts).toBeGreaterThan(100)
    },
  )
})
