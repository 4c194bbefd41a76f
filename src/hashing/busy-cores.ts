/** Readings of the thread that runs the event loop, in milliseconds since it began. */
export interface ThreadTimes {
  /** In which it had something to do. */
  readonly active: number
  /** In which it ran. */
  readonly running: number
}

/** Over less time the share says little. */
const minActiveMs = 20
/**
 * The share of its active time in which the thread waits for a core, for cores to count as busy,
 */
const busyShare = 0.25
/** and for them to count as free again. */
const freeShare = 0.1

/**
 * Tells whether the processor's cores are busy: whether the event loop often waits for one while it
 * has something to do. Another thread would only take cores from it then.
 */
export class BusyCores {
  readonly #read: () => ThreadTimes
  #last: ThreadTimes
  #areBusy = false

  constructor(read: () => ThreadTimes = readThreadTimes) {
    this.#read = read
    this.#last = read()
  }

  /** Cheap enough to be asked for each block: about a microsecond. */
  get areBusy(): boolean {
    const now = this.#read()
    const active = now.active - this.#last.active
    if (active < minActiveMs) return this.#areBusy
    const waiting = 1 - (now.running - this.#last.running) / active
    this.#areBusy = waiting > (this.#areBusy ? freeShare : busyShare)
    this.#last = now
    return this.#areBusy
  }
}

function readThreadTimes(): ThreadTimes {
  const { user, system } = process.threadCpuUsage()
  return { active: performance.eventLoopUtilization().active, running: (user + system) / 1000 }
}

/** Whether a thread may verify what is read: always, never, or while cores are free. */
export function threadsFor(place: 'threads' | 'event-loop' | 'auto'): () => boolean {
  if (place === 'threads') return () => true
  if (place === 'event-loop') return () => false
  const cores = new BusyCores()
  return () => !cores.areBusy
}
