/**
 * Finds names that can be in the store together, but not in a folder of this machine. Names come in
 * the order of the store.
 */
export class NameConflicts {
  readonly #ignoresCase: boolean
  /**
   * Files so far whose names the latest begins with: what is in a folder of that name is still to
   * come.
   */
  #above: string[] = []
  /**
   * Every file and folder, by what such a file system makes of its name. Grows with their number:
   * there is no way around it.
   */
  readonly #spellings = new Map<string, string>()

  constructor({ ignoresCase }: { readonly ignoresCase: boolean }) {
    this.#ignoresCase = ignoresCase
  }

  /** What stands against it, in words. */
  of(name: string): string | undefined {
    this.#above = this.#above.filter((above) => name.startsWith(above))
    const file = this.#above.find((above) => name.startsWith(`${above}/`))
    this.#above.push(name)
    if (file !== undefined) return `${file} is both a file and a folder in the store: fetch one of them alone`
    const other = this.#ignoresCase ? this.#otherSpelling(name) : undefined
    return other === undefined
      ? undefined
      : `this file system cannot tell it from ${other}: fetch it alone, to another path`
  }

  #otherSpelling(name: string): string | undefined {
    for (let end = name.indexOf('/'); ; end = name.indexOf('/', end + 1)) {
      const path = end === -1 ? name : name.slice(0, end)
      const key = path.normalize('NFC').toLowerCase()
      const spelling = this.#spellings.get(key) ?? path
      if (spelling !== path) return spelling
      this.#spellings.set(key, path)
      if (end === -1) return undefined
    }
  }
}
