import { once } from 'node:events'
import { messageOf } from './message-of.ts'
import { printable, printableJson } from './printable.ts'

// Back to the first column, and away with what stands in the line.
const clearLine = '\r\u001B[K'

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

  /** A line of results. Resolves when there is room for more. */
  async print(line: string): Promise<void> {
    if (this.hasBar && process.stdout.isTTY) process.stderr.write(clearLine)
    await this.write(Buffer.from(`${process.stdout.isTTY ? printable(line) : line}\n`))
  }

  async printJson(value: unknown): Promise<void> {
    await this.print(printableJson(value))
  }

  /** Bytes of a file, as they are. Resolves when there is room for more. */
  async write(bytes: Uint8Array): Promise<void> {
    if (!process.stdout.write(bytes)) await once(process.stdout, 'drain')
  }

  /** Something worth knowing, unless nobody wants to. */
  say(line: string): void {
    if (!this.isQuiet) this.complain(line)
  }

  /** Something that went wrong. */
  complain(line: string): void {
    process.stderr.write(`${this.hasBar ? clearLine : ''}${printable(line)}\n`)
  }
}

function endWithReader(stream: NodeJS.WriteStream): void {
  stream.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(nobodyReads)
    if (stream !== process.stderr) process.stderr.write(`ashlar: stdout: ${messageOf(error)}\n`)
    process.exit(1)
  })
}
