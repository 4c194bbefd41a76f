/** What must come out of a golden store, as its release answered when it was made. */
export interface GoldenStore {
  readonly files: readonly ExpectedFile[]
  /** Names that were deleted or renamed away. */
  readonly gone: readonly string[]
  readonly uploads: readonly ExpectedUpload[]
  /** An upload that has become a file and can still be asked for its offset. */
  readonly remembered: { readonly path: string; readonly size: number }
  /** An upload that can be completed with the rest of `content(seed, size)`. */
  readonly unfinished: {
    readonly path: string
    readonly name: string
    readonly offset: number
    readonly seed: string
    readonly size: number
    readonly sha256: string
  }
}

export interface ExpectedFile {
  readonly sha256: string
  /** The answer of `/api/files/…`. */
  readonly info: Readonly<Record<string, unknown>> & { readonly id: string; readonly name: string }
}

export interface ExpectedUpload {
  readonly path: string
  /** The answer of `/api/uploads/…`. */
  readonly info: Readonly<Record<string, unknown>>
}

/** Text that compresses well and is the same nowhere else. */
export function content(seed: string, size: number): Buffer {
  let text = ''
  for (let line = 0; text.length < size; line++) text += `${seed} line ${line} `.padEnd(300, '.') + '\n'
  return Buffer.from(text).subarray(0, size)
}
