const warned = new Set<string>()

/** On standard error, once each: `migrate` reads the variables for both of its stores. */
export function warn(message: string): void {
  if (!warned.has(message)) console.error(`ashlar: ${message}`)
  warned.add(message)
}
