import { StoreError } from './errors.ts'

/** Names one store for good, wherever it is moved. Its catalog has the same one. */
export type StoreId = string & { readonly __brand: 'StoreId' }

/** What the file `ashlar-store.json` of a store says. */
export interface StoreIdentity {
  readonly version: number
  readonly id: StoreId
}

/** What a catalog knows of the store that it belongs to. */
export interface StoreBinding {
  readonly id: StoreId
  /** The store has been seen with this id. Until then, a crash may have come between the two. */
  readonly isConfirmed: boolean
}

export const identityName = 'ashlar-store.json'

/**
 * Of the formats on disk, which docs/store-format.md describes. Stores of format 1 have no
 * identity.
 */
const formatVersion = 2

const format = 'ashlar store'
const idShape = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export function newStoreId(): StoreId {
  return crypto.randomUUID() as StoreId
}

export function writeIdentity(id: StoreId): string {
  return `${JSON.stringify({ format, version: formatVersion, id })}\n`
}

/**
 * Throws `unavailable` for what a newer Ashlar has written, and for what is none. `place` is where
 * it was read.
 */
export function readIdentity(text: string, place: string): StoreIdentity {
  const { format: found, version, id } = fieldsOf(text)
  // The rest may look different in formats to come.
  if (found === format && typeof version === 'number' && version > formatVersion) {
    throw new StoreError(
      'unavailable',
      `The store at ${place} has format ${version}, and this Ashlar knows formats up to ${formatVersion}: use the newer Ashlar that wrote it.`,
    )
  }
  if (found === format && version === formatVersion && typeof id === 'string' && idShape.test(id)) {
    return { version, id: id as StoreId }
  }
  throw new StoreError(
    'unavailable',
    `${identityName} at ${place} is damaged: restore it from a backup. If there is none, move it away, and the server writes it anew.`,
  )
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
