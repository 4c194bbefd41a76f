import { z } from 'zod'

const maxBytes = 16 * 1024

// Other text would not come back as it was: databases cut it, refuse it, or put U+FFFD in.
const storable = z
  .string()
  .refine((text) => text.isWellFormed() && !text.includes('\0'), 'must be well-formed Unicode without U+0000')

/** Free-form strings by key, within bounds, and every one kept as given. */
export const metadataSchema = z
  .unknown()
  .refine(
    // A manifest would leave this key out without a word.
    (input) => typeof input !== 'object' || input === null || !Object.hasOwn(input, '__proto__'),
    'must not have the key __proto__',
  )
  .pipe(z.record(storable.min(1).max(128), storable.max(2048)))
  .refine(
    (metadata) => Buffer.byteLength(JSON.stringify(metadata)) <= maxBytes,
    `must be at most ${maxBytes} bytes of JSON`,
  )
