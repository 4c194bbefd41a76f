import { throwError } from 'rxjs'

/** Hands an error that has no subscriber left to RxJS, which throws it in a macrotask of its own. */
export function reportUnhandled(error: unknown): void {
  throwError(() => error).subscribe()
}
