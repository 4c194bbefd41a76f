import { adviseHugePages } from '../system/advise-huge-pages.ts'

/** The largest lease that is common: it takes a slab of its own. */
const commonSlabBytes = 1024 * 1024

/**
 * For so many slabs the arena has one more, for when buffers that stay out keep all from being
 * whole. One made for the occasion would be made anew for each large buffer, and pile up until
 * garbage is collected.
 */
const slabsPerReserve = 32

/**
 * Cuts buffers of different sizes from slabs, which stay. A heap that small buffers and large ones
 * share falls to pieces too small for the large ones, and what is dropped there comes back only
 * when garbage is collected. The buffers of a slab have one size; when all of them are back it may
 * be cut anew. A buffer whose size is a power of two begins at a multiple of it or of the page: the
 * disk can take it from where it is.
 */
export class Slabs {
  readonly #mostBytes: number
  readonly #slabBytes: number
  #arena: SharedArrayBuffer | undefined
  /** Of the arena, in order. */
  readonly #slabs: Slab[] = []
  /** Beyond the arena. */
  readonly #spare = new Map<ArrayBufferLike, Slab>()
  /** With nothing lent, the one that was used last at the end: it is warm. */
  readonly #whole: Slab[] = []
  /**
   * With some lent, by the size of their buffers. The first is filled first, so that others become
   * whole.
   */
  readonly #begun = new Map<number, Set<Slab>>()

  /**
   * Of `mostBytes` altogether, and more only while buffers that stay out keep slabs from being
   * whole.
   */
  constructor(mostBytes: number) {
    this.#slabBytes = Math.min(mostBytes, commonSlabBytes)
    const slabs = Math.floor(mostBytes / this.#slabBytes)
    this.#mostBytes = (slabs + Math.floor(slabs / slabsPerReserve)) * this.#slabBytes
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
    const slab = this.#slabOf(bytes)
    if (!slab) return
    slab.free.push(bytes)
    const begun = this.#begunOf(bytes.length)
    if (slab.free.length < slab.count) {
      begun.add(slab)
      return
    }
    begun.delete(slab)
    if (!this.#spare.delete(bytes.buffer)) this.#whole.push(slab)
  }

  #begin(size: number): Slab {
    const slab = this.#whole.pop() ?? this.#nextOfArena() ?? this.#allocate()
    slab.cut(size)
    return slab
  }

  #nextOfArena(): Slab | undefined {
    const start = this.#slabs.length * this.#slabBytes
    if (start === this.#mostBytes) return undefined
    this.#arena ??= reserve(this.#mostBytes)
    const slab = new Slab(Buffer.from(this.#arena, start, this.#slabBytes))
    this.#slabs.push(slab)
    return slab
  }

  #allocate(): Slab {
    const slab = new Slab(Buffer.allocUnsafeSlow(this.#slabBytes))
    this.#spare.set(slab.bytes.buffer, slab)
    return slab
  }

  #slabOf({ buffer, byteOffset }: Buffer): Slab | undefined {
    if (buffer !== this.#arena) return this.#spare.get(buffer)
    return this.#slabs[Math.floor(byteOffset / this.#slabBytes)]
  }

  #begunOf(size: number): Set<Slab> {
    const begun = this.#begun.get(size) ?? new Set()
    this.#begun.set(size, begun)
    return begun
  }
}

/**
 * Memory that could grow is reserved from the system in whole pages, and is there when it is
 * touched. Other threads may look at it.
 */
function reserve(bytes: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(bytes, { maxByteLength: bytes })
  adviseHugePages(memory)
  return memory
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
