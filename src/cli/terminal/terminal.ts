import { once } from 'node:events'
import { messageOf } from './message-of.ts'
import { printable, printableJson } from './printable.ts'

// Back to the first column, and away with what stands in the line.
const clearLine = '\r\u001B[K'
// A bar must not wrap; what is printed above it must.
const wrapLines = '\u001B[?7h'
const cutLines = '\u001B[?7l'

/** 128 and the number of SIGPIPE, which ends other commands. */
const nobodyReads = 141

/** Where a command says what it has to say: results to stdout, all else to stderr. */
export class Terminal {
  readonly isQuiet: boolean
  /** A bar stands in the last line of the terminal, and is drawn again and again. */
  hasBar = false

  constructor({ isQuiet }: { readonly isQuiet: boolean }) {
    this.isQuiet = isQuiet
    endWithReader(process.stdout)
    endWithReader(process.stderr)
  }

  /**
   * A line of results, with nothing in it that a terminal would act upon. Resolves when there is
   * room for more.
   */
  async print(line: string): Promise<void> {
    await this.write(Buffer.from(`${printable(line)}\n`))
  }

  async printJson(value: unknown): Promise<void> {
    await this.print(printableJson(value))
  }

  /** Bytes of a file, as they are. Resolves when there is room for more. */
  async write(bytes: Uint8Array): Promise<void> {
    const isAboveBar = this.hasBar && process.stdout.isTTY
    if (isAboveBar) process.stderr.write(`${clearLine}${wrapLines}`)
    const hasRoom = process.stdout.write(bytes)
    if (isAboveBar) process.stderr.write(cutLines)
    if (!hasRoom) await once(process.stdout, 'drain')
  }

  /** Something worth knowing, unless nobody wants to. */
  say(line: string): void {
    if (!this.isQuiet) this.complain(line)
  }

  /** Something that went wrong. */
  complain(line: string): void {
    const [before, after] = this.hasBar ? [`${clearLine}${wrapLines}`, cutLines] : ['', '']
    process.stderr.write(`${before}${printable(line)}\n${after}`)
  }
}

function endWithReader(stream: NodeJS.WriteStream): void {
  stream.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(nobodyReads)
    if (stream !== process.stderr) process.stderr.write(`ashlar: stdout: ${messageOf(error)}\n`)
    process.exit(1)
  })
}
