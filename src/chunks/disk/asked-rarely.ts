/** Answers as `ask` did within the last `ms` milliseconds, and asks anew after that, or where the last answer was a failure. */
export function askedRarely<T>(
  ms: number,
  ask: () => Promise<T>,
  now: () => number = () => performance.now(),
): () => Promise<T> {
  let askedAt = -Infinity
  let answer: Promise<T> | undefined
  return () => {
    if (answer && now() - askedAt < ms) return answer
    askedAt = now()
    const asked = ask()
    answer = asked
    asked.catch(() => {
      if (answer === asked) answer = undefined
    })
    return asked
  }
}
