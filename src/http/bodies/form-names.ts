import { posix } from 'node:path'
import { parseFileName, type FileName } from '../../model/file.ts'

/** The name to store a file of a form under. */
export interface FormName {
  readonly name: FileName
  /** It is not the one in the form, so it must not replace a file. */
  readonly isMadeUp: boolean
}

/**
 * Gives each file of one form a name of its own. Phones call every photo `image.jpg`: the second
 * becomes `image (2).jpg`, or has the next number that neither this form nor the store has.
 */
export class FormNames {
  readonly #taken = new Set<FileName>()
  readonly #isStored: (name: FileName) => Promise<boolean>

  constructor(isStored: (name: FileName) => Promise<boolean>) {
    this.#isStored = isStored
  }

  /**
   * Names are given in the order of the calls. Throws `invalid_name`, also where the number makes a
   * name too long.
   */
  give(text: string): FormName | Promise<FormName> {
    const name = parseFileName(text)
    if (this.#taken.has(name)) return this.#makeUp(name)
    this.#taken.add(name)
    return { name, isMadeUp: false }
  }

  async #makeUp(name: FileName): Promise<FormName> {
    for (let number = 2; ; number++) {
      const candidate = numbered(name, number)
      if (this.#taken.has(candidate)) continue
      this.#taken.add(candidate)
      if (!(await this.#isStored(candidate))) return { name: candidate, isMadeUp: true }
    }
  }
}

function numbered(name: FileName, number: number): FileName {
  const extension = posix.extname(name)
  const stem = extension === '' ? name : name.slice(0, -extension.length)
  return parseFileName(`${stem} (${number})${extension}`)
}
