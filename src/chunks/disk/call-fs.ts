/**
 * One call of the callback `fs` as a promise, because `fs/promises` was measured to take 20–40 % longer for
 * each chunk. Settles when the callback runs, so nothing that was handed to the call is in use any more.
 */
export function callFs<T = void>(
  call: (done: (error: Error | null | undefined, result: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, result) => {
      if (error) reject(error)
      else resolve(result)
    })
  })
}
