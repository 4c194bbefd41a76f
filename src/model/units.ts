const bytesOf: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ['kb', 1000],
  ['mb', 1000 ** 2],
  ['gb', 1000 ** 3],
  ['tb', 1000 ** 4],
  ['kib', 1024],
  ['mib', 1024 ** 2],
  ['gib', 1024 ** 3],
  ['tib', 1024 ** 4],
])

const msOf: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

/** Parses `8MiB`, `1.5GB` or `1048576` to bytes. Undefined unless it is a whole number of them. */
export function parseSize(text: string): number | undefined {
  return parseQuantity(text, bytesOf)
}

/**
 * Parses `500ms`, `30s` or `1.5h` to milliseconds. Undefined unless it has a unit, and is a whole
 * number of milliseconds.
 */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(text, msOf)
}

function parseQuantity(text: string, units: ReadonlyMap<string, number>): number | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text) ?? []
  const factor = unit === undefined ? undefined : units.get(unit.toLowerCase())
  if (factor === undefined) return undefined
  const value = Number(digits) * factor
  return Number.isSafeInteger(value) ? value : undefined
}
