/**
 * The right to use `bytes` until it is released. Releasing it twice throws, because the buffer may
 * belong to somebody else by then: such a bug must not stay hidden.
 */
export interface Lease {
  readonly bytes: Buffer
  /**
   * Another right to the same bytes. The pool lends the buffer again when all rights are released.
   */
  share(): Lease
  release(): void
}

export class CountedLease implements Lease {
  readonly bytes: Buffer
  readonly #onLastRelease: () => void
  #rights = 1
  #isReleased = false

  constructor(bytes: Buffer, onLastRelease: () => void) {
    this.bytes = bytes
    this.#onLastRelease = onLastRelease
  }

  share(): Lease {
    if (this.#isReleased) throw new Error('a released lease cannot be shared')
    this.#rights++
    return new CountedLease(this.bytes, () => this.#drop())
  }

  release(): void {
    if (this.#isReleased) throw new Error('a lease is released exactly once')
    this.#isReleased = true
    this.#drop()
  }

  #drop(): void {
    this.#rights--
    if (this.#rights === 0) this.#onLastRelease()
  }
}
