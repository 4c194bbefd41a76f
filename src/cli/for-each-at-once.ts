/**
 * Calls `work` for every item, for `limit` of them at once. Items are pulled one per free place, so that memory does not follow their
 * number. Resolves when all is done; after a failure, or the signal, nothing more is pulled, and it rejects when what was under
 * way has ended.
 */
export async function forEachAtOnce<T>(
  items: AsyncIterable<T>,
  limit: number,
  signal: AbortSignal,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.asyncIterator]()
  const failures: unknown[] = []
  const pullOn = async () => {
    while (failures.length === 0 && !signal.aborted) {
      const { done, value } = await iterator.next()
      if (done) return
      await work(value)
    }
  }
  const pullers = Array.from({ length: limit }, () =>
    pullOn().catch((error: unknown) => void failures.push(error)),
  )
  await Promise.all(pullers)
  await iterator.return?.()
  if (failures.length > 0) throw failures[0]
  signal.throwIfAborted()
}
