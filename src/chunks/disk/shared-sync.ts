/**
 * Makes one function of `sync` that many may call at once. Each call settles as a run of `sync`
 * that started after the call, never as one that was already under way: that one may have missed
 * what the caller did. Runs follow each other, so n calls at once cost two runs at most; a failed
 * run fails all who waited for it and is not repeated for them.
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
