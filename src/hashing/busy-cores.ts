/** CPU readings of the event loop's thread, in milliseconds since it started. */
export interface ThreadTimes {
  /** The time in which the event loop had something to do. */
  readonly active: number
  /** The time in which the thread ran on a core. */
  readonly running: number
}

/** A shorter sample is too noisy. */
const minActiveMs = 20
/** Cores count as busy above this share of active time spent waiting for one, */
const busyShare = 0.25
/** and as free again below this one. */
const freeShare = 0.1

/**
 * Tells whether the processor is busy: whether the event loop often waits for a core while it has
 * something to do. A further thread would then only take cores from it.
 */
export class BusyCores {
  readonly #read: () => ThreadTimes
  #last: ThreadTimes
  #areBusy = false

  constructor(read: () => ThreadTimes = readThreadTimes) {
    this.#read = read
    this.#last = read()
  }

  /** Cheap enough to ask for each block: it takes about a microsecond. */
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

/** Whether reads may be verified on a thread: always, never, or while cores are free. */
export function threadsFor(place: 'threads' | 'event-loop' | 'auto'): () => boolean {
  if (place === 'threads') return () => true
  if (place === 'event-loop') return () => false
  const cores = new BusyCores()
  return () => !cores.areBusy
}
