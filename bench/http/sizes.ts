export const kib = 1024
export const mib = 1024 * kib
export const gib = 1024 * mib

/** `1 GiB`; for whole numbers of some unit. */
export function sizeName(bytes: number): string {
  if (bytes >= gib) return `${bytes / gib} GiB`
  return bytes >= mib ? `${bytes / mib} MiB` : `${bytes / kib} KiB`
}
