import { StoreError } from '../../model/errors.ts'

/** Throws `invalid_request` for a number of workers that would never do anything. */
export function checkParallel({ parallel = 1 }: { readonly parallel?: number | undefined }): void {
  if (Number.isSafeInteger(parallel) && parallel >= 1) return
  throw new StoreError('invalid_request', `parallel must be a whole number from 1 on, not ${parallel}.`)
}
