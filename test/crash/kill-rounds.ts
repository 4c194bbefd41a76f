import { checkServer, type Found } from './check-server.ts'
import { pause, type Client } from './client.ts'
import type { CrashingServer } from './crashing-server.ts'
import { Dice } from './dice.ts'
import { Failure } from './failure.ts'
import { finishUploads } from './finish-uploads.ts'
import { History } from './history.ts'
import { DirectoryPlace, type Place } from './place.ts'
import { createClients, runLoad, settle } from './run-load.ts'
import type { Tally } from './tally.ts'

/** Rounds on one store, one after the other: what one does to it may be found by another. */
export const roundsPerStore = 10

const mostActions = 150
const longestActionMs = 30
const longestStartMs = 600

/** Rounds over stores in directories. */
export function killRounds(seed: string, from: number, to: number, tally: Tally): Promise<void> {
  return killRoundsAt('kill', () => DirectoryPlace.open(), seed, from, to, tally)
}

/**
 * Each round kills a server under load; the next one begins by checking everything. Runs rounds
 * `from`, which must begin a store, to `to` (exclusive). Throws `Failure`.
 */
export async function killRoundsAt(
  mode: string,
  openPlace: () => Promise<Place>,
  seed: string,
  from: number,
  to: number,
  tally: Tally,
): Promise<void> {
  for (let first = from; first < to; first += roundsPerStore) {
    const last = Math.min(to, first + roundsPerStore)
    const place = await openPlace()
    const rounds = new KillRounds(place, new Dice(`${seed}, ${mode}, from round ${first}`))
    try {
      for (let round = first; round < last; round++) await rounds.run(round)
      tally.add(last - first, rounds.history.acknowledged, await rounds.finish())
    } catch (error) {
      const replay = `--mode ${mode} --seed ${seed} --from ${first} --rounds ${last - first}`
      throw new Failure(error, `${mode} round ${rounds.round}`, replay, place.remains, rounds.history)
    }
    await place.remove()
    console.log(
      `${mode} rounds ${first} to ${last - 1}: ${rounds.history.acknowledged} operations acknowledged`,
    )
  }
}

class KillRounds {
  readonly history = new History(() => this.round)
  round = 0
  readonly #place: Place
  readonly #dice: Dice
  readonly #clients: readonly Client[]
  #checks = 0

  constructor(place: Place, dice: Dice) {
    this.#place = place
    this.#dice = dice
    this.#clients = createClients(this.history, dice)
  }

  async run(round: number): Promise<void> {
    this.round = round
    if (this.#dice.percent(20)) await this.#killWhileItStarts()
    await using server = this.#start()
    const found = await this.#check(server)
    settle(this.history, this.#clients, found)
    const [actions, longerMs] = [this.#dice.int(0, mostActions), this.#dice.int(0, longestActionMs)]
    await runLoad(this.#clients, server, actions, async () => {
      await pause(longerMs)
      await server.kill()
    })
    await this.#place.checkAfterKill()
  }

  /**
   * Checks what the last round has left, and continues every upload to its end. Resolves with how
   * many states were checked in all.
   */
  async finish(): Promise<number> {
    await using server = this.#start()
    const found = await this.#check(server)
    await finishUploads(await server.port, this.history, found.offsets)
    await this.#place.checkWhenCollected()
    await server.kill()
    return this.#checks
  }

  /** What is not collected at once keeps more of what a crash interrupts. */
  #start(): CrashingServer {
    return this.#place.start(this.#dice.pick([0, 0, 150]))
  }

  async #killWhileItStarts(): Promise<void> {
    await using server = this.#start()
    await pause(this.#dice.int(0, longestStartMs))
    await server.kill()
    await this.#place.checkAfterKill()
  }

  async #check(server: CrashingServer): Promise<Found> {
    const uploads = this.#clients.flatMap((client) => client.uploads)
    const found = await checkServer(await server.port, this.history, uploads, this.round)
    await this.#place.checkWhenCollected()
    this.#checks += this.history.names.length + uploads.length
    return found
  }
}
