/**
 * What one client does before it does the next. Anything but success, or a body of another length,
 * fails the whole load.
 */
export type Exchange =
  /** One of the paths at random; each has so many bytes. */
  | { readonly kind: 'get'; readonly paths: readonly string[]; readonly bytes: number }
  /** Somewhere in the file, at random. */
  | {
      readonly kind: 'range'
      readonly path: string
      readonly fileBytes: number
      readonly bytes: number
    }
  /**
   * A path that ends with `/` stands for a new name below it, each time. The content is new, too,
   * so no server has any of it already; with `repeatsAfter` it begins anew after so many bytes, and
   * anew with each file.
   */
  | { readonly kind: 'put'; readonly path: string; readonly bytes: number; readonly repeatsAfter?: number }
  /** Creates an upload and sends all of it in one request; the content is new. */
  | { readonly kind: 'tus'; readonly path: string; readonly bytes: number }

/** Clients, each with a connection of its own, that all do the same side by side. */
export interface Load {
  readonly port: number
  readonly clients: number
  readonly exchange: Exchange
  /** How often each of them does it, or for how long each begins it anew. */
  readonly until: { readonly times: number } | { readonly ms: number }
}

export interface LoadResult {
  readonly exchanges: number
  /** From when all are connected until the last has its last answer. */
  readonly ms: number
}
