/** Bytes that can be read again from any offset, as a resumable upload needs them. */
export interface Source {
  readonly size: number
  /**
   * Stays the same while the content does, such as size and time of change: with it, an interrupted
   * upload is found again.
   */
  readonly fingerprint?: string
  /** Bytes `from` to `to` (exclusive), in pieces of any size. */
  read(from: number, to: number): AsyncIterable<Uint8Array<ArrayBuffer>>
}

/** Where a download writes. Bytes come in any order, each once unless they turned out damaged. */
export interface Target {
  /**
   * Bytes that are there from an earlier attempt: they are read again, and fetched only where they
   * are wrong.
   */
  size(): Promise<number>
  read(from: number, to: number): AsyncIterable<Uint8Array<ArrayBuffer>>
  write(offset: number, bytes: Uint8Array): Promise<void>
  /** Every byte has been written and verified: the size is to be exactly this. */
  finish(size: number): Promise<void>
}

/** A `File` of a page, or any other `Blob`. */
export function blobSource(blob: Blob & { readonly name?: string; readonly lastModified?: number }): Source {
  return {
    size: blob.size,
    ...(blob.lastModified !== undefined && { fingerprint: `${blob.size}-${blob.lastModified}` }),
    read: (from, to) => piecesOf(blob.slice(from, to).stream()),
  }
}

/** The bytes of a stream. Every browser has its reader; not every one can iterate it. */
export async function* piecesOf(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = stream.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel()
  }
}
