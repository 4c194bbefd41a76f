const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** A size as people read it: `512 B`, `1.5 KiB`, `128 MiB`. */
export function humanSize(bytes: number): string {
  let value = bytes
  let unit = 'B'
  for (const larger of units) {
    // What would be rounded to 1024 of one unit is one of the next.
    if (value < 1023.5) break
    value /= 1024
    unit = larger
  }
  const isWhole = unit === 'B' || value >= 99.95
  return `${value.toFixed(isWhole ? 0 : 1)} ${unit}`
}

/** `1 file`, `1,002 files`. */
export function count(number: number, noun: string): string {
  return `${grouped(number)} ${noun}${number === 1 ? '' : 's'}`
}

/** `1,234,567`, whatever language the machine speaks. */
export function grouped(number: number): string {
  return number.toLocaleString('en-US')
}

/** `0:07`, `1:02:03`; `?` for what cannot be known. */
export function humanDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?'
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return hours > 0 ? `${hours}:${twoDigits(minutes)}:${twoDigits(rest)}` : `${minutes}:${twoDigits(rest)}`
}

/** `0.3 s`, and from ten seconds on `0:12`. */
export function elapsed(seconds: number): string {
  return seconds < 9.95 ? `${seconds.toFixed(1)} s` : humanDuration(Math.round(seconds))
}

/** `07` */
export function twoDigits(number: number): string {
  return String(Math.floor(number)).padStart(2, '0')
}
