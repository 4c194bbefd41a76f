/**
 * Does the work for every item, `limit` of them at once, and resolves with the results in the order of the items. After a
 * failure it begins no more, and rejects with the first one when those under way have settled.
 */
export async function atOnce<Item, Result>(
  items: AsyncIterable<Item> | Iterable<Item>,
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const running = new Set<Promise<void>>()
  const results: Result[] = []
  const failures: unknown[] = []
  let count = 0
  for await (const item of items) {
    const index = count++
    const one = work(item)
      .then(
        (result) => {
          results[index] = result
        },
        (error: unknown) => void failures.push(error),
      )
      .finally(() => running.delete(one))
    running.add(one)
    if (running.size >= limit) await Promise.race(running)
    if (failures.length > 0) break
  }
  await Promise.all(running)
  if (failures.length > 0) throw failures[0]
  return results
}
