/** The largest lease that is common: it takes a slab of its own. */
const commonSlabBytes = 1024 * 1024

/**
 * Cuts buffers of different sizes from slabs, which stay. A heap that small buffers and large ones share falls to pieces too small for the large ones,
 * and what is dropped there comes back only when garbage is collected. The buffers of a slab have one size; when all of them are back it may be cut anew.
 */
export class Slabs {
  readonly #mostBytes: number
  readonly #slabBytes: number
  readonly #slabs = new Map<ArrayBufferLike, Slab>()
  /** With nothing lent, the one that was used last at the end: it is warm. */
  readonly #whole: Slab[] = []
  /** With some lent, by the size of their buffers. The first is filled first, so that others become whole. */
  readonly #begun = new Map<number, Set<Slab>>()

  /** Of `mostBytes` altogether, and more only while buffers that stay out keep slabs from being whole. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
    this.#slabBytes = Math.min(mostBytes, commonSlabBytes)
  }

  take(size: number): Buffer {
    if (size > this.#slabBytes) return Buffer.allocUnsafeSlow(size)
    const begun = this.#begunOf(size)
    const slab = begun.values().next().value ?? this.#begin(size)
    const bytes = slab.free.pop()!
    if (slab.free.length === 0) begun.delete(slab)
    else begun.add(slab)
    return bytes
  }

  giveBack(bytes: Buffer): void {
    const slab = this.#slabs.get(bytes.buffer)
    if (!slab) return
    slab.free.push(bytes)
    const begun = this.#begunOf(bytes.length)
    if (slab.free.length < slab.count) {
      begun.add(slab)
      return
    }
    begun.delete(slab)
    if (this.#slabs.size * this.#slabBytes <= this.#mostBytes) this.#whole.push(slab)
    else this.#slabs.delete(bytes.buffer)
  }

  #begin(size: number): Slab {
    const slab = this.#whole.pop() ?? this.#allocate()
    slab.cut(size)
    return slab
  }

  #allocate(): Slab {
    const slab = new Slab(Buffer.allocUnsafeSlow(this.#slabBytes))
    this.#slabs.set(slab.bytes.buffer, slab)
    return slab
  }

  #begunOf(size: number): Set<Slab> {
    const begun = this.#begun.get(size) ?? new Set()
    this.#begun.set(size, begun)
    return begun
  }
}

class Slab {
  readonly bytes: Buffer
  free: Buffer[] = []
  #size = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  /** Buffers that it is cut into. */
  get count(): number {
    return Math.floor(this.bytes.length / this.#size)
  }

  cut(size: number): void {
    if (size === this.#size) return
    this.#size = size
    this.free = Array.from({ length: this.count }, (_, nth) =>
      this.bytes.subarray(nth * size, (nth + 1) * size),
    )
  }
}
