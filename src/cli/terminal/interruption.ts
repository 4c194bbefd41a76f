/** What Ctrl-C and SIGTERM do to a command: the first ends it in order, the second at once. */
export interface Interruption {
  /** Aborted by the first, and by `giveUp`. */
  readonly signal: AbortSignal
  /** What the shell is to be told; undefined as long as nothing interrupted. */
  readonly exitCode: number | undefined
  abort(reason: unknown): void
  /** Signals do again what they do by default. */
  stop(): void
}

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * A terminal sends Ctrl-C to all of a command, and npm passes on what it gets: that is one and the
 * same.
 */
const echoMs = 1000

export function watchInterruption(): Interruption {
  const controller = new AbortController()
  let first: { readonly exitCode: number; readonly at: number } | undefined
  const interrupt = (name: keyof typeof exitCodes) => {
    const at = performance.now()
    if (first && at - first.at > echoMs) process.exit(exitCodes[name])
    first ??= { exitCode: exitCodes[name], at }
    controller.abort(new Error('interrupted'))
  }
  const onInt = () => interrupt('SIGINT')
  const onTerm = () => interrupt('SIGTERM')
  process.on('SIGINT', onInt).on('SIGTERM', onTerm)
  return {
    signal: controller.signal,
    get exitCode() {
      return first?.exitCode
    },
    abort: (reason) => controller.abort(reason),
    stop: () => void process.off('SIGINT', onInt).off('SIGTERM', onTerm),
  }
}
