import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { checkServer, type Found } from '../check-server.ts'
import type { Client } from '../client.ts'
import { CrashingServer } from '../crashing-server.ts'
import type { Dice } from '../dice.ts'
import { History } from '../history.ts'
import { createClients, isGone, runLoad, settle } from '../run-load.ts'
import type { Upload } from '../upload.ts'
import { Violation } from '../violation.ts'
import { Disk } from './disk.ts'
import type { Survives } from './pending.ts'
import { readJournal } from './read-journal.ts'

const mib = 1024 * 1024
const actions = 150

/** A moment of a recording, by the bytes that its journal had. */
export interface Cut {
  readonly at: number
  /** Writes what a power cut at that moment would leave to a new directory. */
  writeRemains(directory: string, survives: Survives): Promise<void>
}

/**
 * A run of a server under load whose changes and syncs are recorded: from the first start on an
 * empty disk, over a kill, to a second one. What was asked for and acknowledged is in `history`, by
 * the length of the journal at that time, which is never too early for an acknowledgement.
 */
export class Recording {
  readonly history = new History(() => this.#length)
  readonly #disk: string
  readonly #inode: bigint
  readonly #journal: string
  readonly #shim: string
  readonly #dice: Dice
  readonly #clients: readonly Client[]
  #settledAt = 0

  constructor(directory: string, shim: string, dice: Dice) {
    this.#disk = join(directory, 'disk')
    this.#journal = join(directory, 'journal')
    this.#shim = shim
    this.#dice = dice
    this.#clients = createClients(this.history, dice)
    mkdirSync(this.#disk)
    this.#inode = statSync(this.#disk, { bigint: true }).ino
  }

  get uploads(): readonly Upload[] {
    return this.#clients.flatMap(({ uploads }) => uploads)
  }

  /** Where the store is on a disk at `disk`. Its folders are the server's to create. */
  storeIn(disk: string): string {
    return join(disk, 'srv', 'ashlar')
  }

  async run(): Promise<void> {
    await this.#live(this.#dice.int(mib / 4, 8 * mib))
    await this.#live(Infinity)
  }

  /**
   * Moments by chance, in order. Many are those right behind an acknowledgement, or behind the look
   * at what the kill has left: nothing that these rest on may come later.
   */
  async *cuts(count: number): AsyncGenerator<Cut> {
    const records = [...readJournal(readFileSync(this.#journal))]
    const acknowledgements = this.history.acknowledgements
    const chosen = () => {
      const dice = this.#dice.int(0, 100)
      if (dice < 20) return this.#settledAt
      return dice < 60 ? this.#dice.pick(records).end : this.#dice.pick(acknowledgements)
    }
    const moments = Array.from({ length: count }, chosen)
    const disk = new Disk(this.#disk, this.#inode)
    let next = 0
    for (const at of moments.sort((a, b) => a - b)) {
      for (let record = records[next]; record && record.end <= at; record = records[++next])
        disk.apply(record)
      yield { at, writeRemains: (directory, survives) => disk.writeRemains(directory, survives) }
    }
  }

  /**
   * One life of the server, which ends in a sync when the journal has so many bytes, or after so
   * many actions.
   */
  async #live(killAt: number): Promise<void> {
    const env = {
      LD_PRELOAD: this.#shim,
      CRASH_ROOT: this.#disk,
      CRASH_JOURNAL: this.#journal,
      ...(killAt < Infinity && { CRASH_KILL_AT: String(killAt) }),
    }
    // What is collected is committed and synced, and with it what else was not: most do without.
    const collectIntervalMs = this.#dice.pick([15, 600_000, 600_000])
    await using server = new CrashingServer(this.storeIn(this.#disk), { collectIntervalMs }, env)
    const found = await this.#look(server, killAt)
    if (!found) return
    settle(this.history, this.#clients, found)
    this.#settledAt = this.#length
    await runLoad(this.#clients, server, killAt < Infinity ? Infinity : actions, (stop) => stop())
  }

  /**
   * Undefined if it is killed while it starts or is looked at: nobody has asked for anything yet.
   */
  async #look(server: CrashingServer, killAt: number): Promise<Found | undefined> {
    try {
      return await checkServer(await server.port, this.history, this.uploads, Infinity)
    } catch (error) {
      if (killAt === Infinity || error instanceof Violation || !(await isGone(server))) throw error
      return undefined
    }
  }

  get #length(): number {
    return statSync(this.#journal, { throwIfNoEntry: false })?.size ?? 0
  }
}
