import { adviseHugePages } from '../system/advise-huge-pages.ts'

/** The largest common lease: it takes a whole slab. */
const commonSlabBytes = 1024 * 1024

/**
 * The arena has one spare slab for so many, for when buffers that stay out keep all slabs from
 * being whole. Allocating one on demand would allocate for each large buffer, and pile up until the
 * next garbage collection.
 */
const slabsPerReserve = 32

/**
 * Cuts buffers of different sizes from slabs that it keeps. If small and large buffers shared a
 * heap, it would fragment until no large one fits, and dropped buffers would come back only with
 * the next garbage collection. All buffers of a slab have one size; when all are returned, the slab
 * can be cut for another size. A buffer whose size is a power of two is aligned to its size or to
 * the page, so that the disk can read it in place.
 */
export class Slabs {
  readonly #mostBytes: number
  readonly #slabBytes: number
  #arena: SharedArrayBuffer | undefined
  /** The slabs of the arena, in order. */
  readonly #slabs: Slab[] = []
  /** Slabs beyond the arena. */
  readonly #spare = new Map<ArrayBufferLike, Slab>()
  /** Slabs with nothing lent. The last one was used last, so it is still in the CPU cache. */
  readonly #whole: Slab[] = []
  /**
   * Slabs with buffers lent, by the size of these. The first is filled first, so that others become
   * whole.
   */
  readonly #begun = new Map<number, Set<Slab>>()

  /**
   * Has `mostBytes` altogether. It allocates more only while lent buffers keep slabs from being
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
 * Growable memory is reserved in whole pages, and the system provides them on first touch. It is
 * shared, so that threads can read it.
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

  /** How many buffers the slab is cut into. */
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
