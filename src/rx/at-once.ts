/**
 * Works on up to `limit` items at once, and resolves with the results in the order of the items.
 * After the first failure, of the work or of the items, it starts no more, waits until the running
 * work has settled, and rejects with that failure. An abort has the same effect, and rejects with
 * the signal's reason. It pulls one item for each free slot. It does not store undefined results,
 * so work without results takes no memory per item.
 */
export async function atOnce<Item, Result>(
  items: AsyncIterable<Item> | Iterable<Item>,
  limit: number,
  work: (item: Item) => Promise<Result>,
  signal?: AbortSignal,
): Promise<readonly Result[]> {
  const running = new Set<Promise<void>>()
  const results: Result[] = []
  const failures: unknown[] = []
  let count = 0
  try {
    signal?.throwIfAborted()
    for await (const item of items) {
      if (signal?.aborted) break
      const index = count++
      const one = work(item)
        .then(
          (result) => {
            if (result !== undefined) results[index] = result
          },
          (error: unknown) => void failures.push(error),
        )
        .finally(() => running.delete(one))
      running.add(one)
      if (running.size >= limit) await Promise.race(running)
      if (failures.length > 0 || signal?.aborted) break
    }
  } catch (error) {
    failures.push(error)
  }
  await Promise.all(running)
  if (failures.length > 0) throw failures[0]
  signal?.throwIfAborted()
  return results
}

/**
 * Groups a source into batches of `size`; the last one may be smaller. It never pulls more than it
 * passes on.
 */
export async function* inBatches<T>(source: AsyncIterable<T>, size: number): AsyncGenerator<readonly T[]> {
  let batch: T[] = []
  for await (const one of source) {
    batch.push(one)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
