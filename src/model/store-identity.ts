import { StoreError } from './errors.ts'

/** Identifies one store for good, wherever it is moved. Its catalog has the same id. */
export type StoreId = string & { readonly __brand: 'StoreId' }

/** The content of a store's `ashlar-store.json`. */
export interface StoreIdentity {
  readonly version: number
  readonly id: StoreId
}

/** What a catalog knows about the store that it belongs to. */
export interface StoreBinding {
  readonly id: StoreId
  /**
   * Whether the store has been seen with this id. Until then, a crash may have left it without one.
   */
  readonly isConfirmed: boolean
}

export const identityName = 'ashlar-store.json'

/**
 * The version of the formats on disk, which docs/store-format.md describes. Stores of format 1 have
 * no identity.
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
 * Throws `unavailable` if a newer Ashlar has written the text, or if it is no identity. `place`
 * says where it was read.
 */
export function readIdentity(text: string, place: string): StoreIdentity {
  const { format: found, version, id } = fieldsOf(text)
  // Later formats may change everything else.
  if (found === format && typeof version === 'number' && version > formatVersion) {
    throw new StoreError(
      'unavailable',
      `The store at ${place} has format ${version}, and this Ashlar reads formats up to ${formatVersion}: use the version of Ashlar that wrote it.`,
    )
  }
  if (found === format && version === formatVersion && typeof id === 'string' && idShape.test(id)) {
    return { version, id: id as StoreId }
  }
  throw new StoreError(
    'unavailable',
    `${identityName} at ${place} is damaged: restore it from a backup, or move it away and let the server write a new one.`,
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
