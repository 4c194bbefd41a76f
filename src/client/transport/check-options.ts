import { StoreError } from '../../model/errors.ts'

/**
 * Throws `invalid_request` for what no header can have in it. RFC 9110, 5.6.2: "token = 1*tchar";
 * 5.5: `field-value`.
 */
export function checkHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    if (/^[\w!#$%&'*+.^`|~-]+$/.test(name) && /^[\t\x20-\x7E\x80-\xFF]*$/.test(value)) continue
    const header = JSON.stringify(`${name}: ${value}`)
    throw new StoreError('invalid_request', `${header} cannot be sent as a header.`)
  }
}

/** Throws `invalid_request` for a number of workers that would never do anything. */
export function checkParallel({ parallel = 1 }: { readonly parallel?: number | undefined }): void {
  if (Number.isSafeInteger(parallel) && parallel >= 1) return
  throw new StoreError('invalid_request', `parallel must be a whole number from 1 on, not ${parallel}.`)
}
