import { Pending, type Survives } from './pending.ts'

const sectorBytes = 512

interface Change {
  /** Where the bytes go, or how long the file is without any. */
  readonly at: number
  readonly bytes?: Buffer
}

/** A file's bytes, as far as they are synced, and what was written since. */
export class DiskFile {
  readonly pending = new Pending<Change>((change) => this.#synced.apply(change))
  readonly #synced = new Bytes()

  write(at: number, bytes: Buffer): void {
    this.pending.add({ at, bytes })
  }

  truncate(size: number): void {
    this.pending.add({ at: size })
  }

  /**
   * What a power cut leaves: with changes that were not synced, whole or in sectors, as `survives`
   * says.
   */
  remains(survives: Survives): Buffer {
    const bytes = this.#synced.copy()
    for (const change of this.pending.all) for (const part of surviving(change, survives)) bytes.apply(part)
    return bytes.content
  }
}

function surviving(change: Change, survives: Survives): readonly Change[] {
  if (!survives.change()) return []
  const { at, bytes } = change
  if (!bytes || survives.isWhole()) return [change]
  const parts: Change[] = []
  for (let from = at; from < at + bytes.length;) {
    const to = Math.min(at + bytes.length, (Math.floor(from / sectorBytes) + 1) * sectorBytes)
    if (survives.change()) parts.push({ at: from, bytes: bytes.subarray(from - at, to - at) })
    from = to
  }
  return parts
}

/** Bytes that grow; what nobody has written is zero. */
class Bytes {
  #buffer: Buffer
  #size: number

  constructor(buffer: Buffer = Buffer.alloc(0)) {
    this.#buffer = buffer
    this.#size = buffer.length
  }

  get content(): Buffer {
    return this.#buffer.subarray(0, this.#size)
  }

  copy(): Bytes {
    return new Bytes(Buffer.from(this.content))
  }

  apply({ at, bytes }: Change): void {
    const end = bytes ? at + bytes.length : at
    if (end > this.#buffer.length) {
      const grown = Buffer.alloc(Math.max(end, 2 * this.#buffer.length))
      this.content.copy(grown)
      this.#buffer = grown
    }
    if (!bytes && end < this.#size) this.#buffer.fill(0, end, this.#size)
    this.#size = bytes ? Math.max(end, this.#size) : end
    bytes?.copy(this.#buffer, at)
  }
}
