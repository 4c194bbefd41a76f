import { StoreError } from '../../model/errors.ts'

/** A header that counts bytes: "a non-negative integer". Undefined if it is absent. Throws `invalid_request`. */
export function wholeNumber(header: string, text: string): number | undefined {
  if (text === '') return undefined
  const value = Number(text)
  if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(value)) {
    throw new StoreError('invalid_request', `${header} must be a whole number of bytes.`)
  }
  return value
}
