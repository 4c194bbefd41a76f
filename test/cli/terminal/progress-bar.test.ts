import { afterEach, expect, it, vi } from 'vitest'
import { ProgressBar } from '../../../src/cli/terminal/progress-bar.ts'
import { Terminal } from '../../../src/cli/terminal/terminal.ts'
import { eventually } from '../../robustness/eventually.ts'
import { onATerminal } from '../on-a-terminal.ts'

/** Rows of a terminal of 24 rows and 80 columns, on which something stands already. */
class Screen {
  rows = ['', '$ ashlar put nosuch.txt a.txt']
  #saved = { row: 0, column: 0 }
  #row = 2
  #column = 0
  #wraps = true

  write(text: string): void {
    // oxlint-disable-next-line no-control-regex -- the escape sequences of a terminal are what is read here
    for (const [part] of text.matchAll(/\u001B(?:[78]|\[[?\d;]*[A-Za-z])|[\s\S]/gu)) this.#show(part)
  }

  #show(part: string): void {
    if (part === '\u001B7') this.#saved = { row: this.#row, column: this.#column }
    else if (part === '\u001B8') [this.#row, this.#column] = [this.#saved.row, this.#saved.column]
    else if (part === '\u001B[?7l' || part === '\u001B[?7h') this.#wraps = part.endsWith('h')
    else if (['\u001B[K', '\u001B[0K', '\u001B[1K'].includes(part))
      this.#set((row) => row.slice(0, this.#column))
    else if (part === '\u001B[2K') this.#set(() => '')
    else if (part.startsWith('\u001B[') && part.endsWith('G'))
      this.#column = Number(part.slice(2, -1) || 1) - 1
    else if (part === '\r') this.#column = 0
    else if (part === '\n') [this.#row, this.#column] = [this.#row + 1, 0]
    else if (!part.startsWith('\u001B')) this.#put(part)
    else if (!part.startsWith('\u001B[?25')) throw new Error(`unknown sequence ${JSON.stringify(part)}`)
  }

  #put(character: string): void {
    if (this.#column === 80 && this.#wraps) [this.#row, this.#column] = [this.#row + 1, 0]
    const at = Math.min(this.#column, 79)
    this.#set((row) => row.padEnd(at).slice(0, at) + character + row.slice(at + 1))
    this.#column = at + 1
  }

  #set(change: (row: string) => string): void {
    this.rows[this.#row] = change(this.rows[this.#row] ?? '')
  }
}

afterEach(() => void vi.restoreAllMocks())

it('a bar leaves what is printed above it as it is, however long, and clears its own line', async () => {
  const screen = new Screen()
  onATerminal()
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    screen.write(String(text))
    return true
  })
  const terminal = new Terminal({ isQuiet: false })
  const bar = await ProgressBar.start(terminal)
  terminal.complain('ashlar: nosuch.txt: there is no such file')
  bar.expect(1, 100)
  await eventually(() => expect(screen.rows.at(-1)).toContain('0 of 1 files'))
  terminal.complain(`ashlar: ${'x'.repeat(100)}`)
  bar.tell('sending a\u202Eb')
  bar.advance(100)
  await eventually(() => expect(screen.rows.at(-1)).toContain('100%'))
  bar.stop()
  terminal.say('1 file, 100 B sent')
  expect(screen.rows).toEqual([
    '',
    '$ ashlar put nosuch.txt a.txt',
    'ashlar: nosuch.txt: there is no such file',
    `ashlar: ${'x'.repeat(72)}`,
    'x'.repeat(28),
    '1 file, 100 B sent',
  ])
})
