/**
 * Makes `sync` callable concurrently. Each call settles as a run of `sync` that started after the
 * call, never as one that was already running, which may have missed what the caller did. Runs
 * follow each other, so any number of concurrent calls costs two runs at most. A failed run fails
 * all calls that waited for it, and is not repeated for them.
 */
export function sharedSync(sync: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let waiting: Promise<void> | undefined

  async function run(): Promise<void> {
    waiting = undefined
    const current = sync()
    running = current
    try {
      await current
    } finally {
      if (running === current) running = undefined
    }
  }

  return () => {
    if (waiting) return waiting
    if (!running) return run()
    waiting = running.then(run, run)
    return waiting
  }
}
