import type { SingleBar } from 'cli-progress'
import { printable } from './printable.ts'
import { grouped, humanDuration, humanSize } from './quantities.ts'
import type { Terminal } from './terminal.ts'

/** How far a command is, in the last line of a terminal on stderr. */
export class ProgressBar {
  readonly #bar: SingleBar
  readonly #terminal: Terminal
  readonly #noun: string
  readonly #stopBar = () => this.#bar.stop()
  #files = 0
  #expectedFiles = 0
  #expectedBytes = 0
  #bytes = 0
  #doing = ''

  private constructor(bar: SingleBar, terminal: Terminal, noun: string) {
    this.#noun = noun
    this.#bar = bar
    this.#terminal = terminal
    // While a bar is shown the terminal wraps no lines: who leaves in a hurry must not leave it so.
    process.once('exit', this.#stopBar)
  }

  static async start(terminal: Terminal, noun = 'files'): Promise<ProgressBar> {
    const { default: progress } = await import('cli-progress')
    const bar = new progress.SingleBar({
      format:
        ' {bar} {percentage}% | {value} of {total} | {files} | {duration_formatted}, {eta_formatted} to go{doing}',
      formatValue: (value, _options, type) =>
        type === 'value' || type === 'total' ? humanSize(value) : String(value),
      formatTime: (seconds) => humanDuration(seconds),
      barsize: 24,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      stream: withoutJumps(process.stderr),
      clearOnComplete: true,
      // Other lines take its place, and it comes back below them.
      forceRedraw: true,
      // Ctrl-C is ours.
      gracefulExit: false,
      etaBuffer: 100,
    })
    bar.start(1, 0, { files: 'looking', doing: '' })
    terminal.hasBar = true
    return new ProgressBar(bar, terminal, noun)
  }

  expect(files: number, bytes: number): void {
    this.#expectedFiles += files
    this.#expectedBytes += bytes
    this.#show()
  }

  /** Negative where bytes have to be moved again. */
  advance(bytes: number): void {
    this.#bytes += bytes
    this.#show()
  }

  /** What is being done just now, and to what. */
  tell(doing: string): void {
    this.#doing = ` | ${printable(doing)}`
    this.#show()
  }

  fileDone(): void {
    this.#files += 1
    this.#show()
  }

  stop(): void {
    process.off('exit', this.#stopBar)
    this.#stopBar()
    this.#terminal.hasBar = false
  }

  #show(): void {
    // What is under way may have been found before it is counted.
    this.#bar.setTotal(Math.max(this.#expectedBytes, this.#bytes))
    const files = Math.max(this.#expectedFiles, this.#files)
    const counted = `${grouped(this.#files)} of ${grouped(files)} ${this.#noun}`
    this.#bar.update(this.#bytes, { files: counted, doing: this.#doing })
  }
}

/** What there is to do, found by a listing of its own, ahead of the work. */
export async function expectAll(
  bar: ProgressBar,
  all: AsyncIterable<{ readonly size: number }>,
): Promise<void> {
  try {
    for await (const { size } of all) bar.expect(1, size)
  } catch {
    // The work, which reads the same, tells of it.
  }
}

/** Does work that shows how far it is, if somebody looks. */
export async function withBar<T>(
  terminal: Terminal,
  work: (bar: ProgressBar | undefined) => Promise<T>,
  noun?: string,
): Promise<T> {
  const bar = process.stderr.isTTY ? await ProgressBar.start(terminal, noun) : undefined
  try {
    return await work(bar)
  } finally {
    bar?.stop()
  }
}

/**
 * The bar saves the cursor when it starts, and goes back there when it ends, over all that was
 * printed meanwhile.
 */
function withoutJumps(stream: NodeJS.WriteStream): NodeJS.WritableStream {
  const write = (text: string) => text === saveCursor || text === restoreCursor || stream.write(text)
  return Object.create(stream, { write: { value: write } }) as NodeJS.WritableStream
}

const saveCursor = '\u001B7'
const restoreCursor = '\u001B8'
