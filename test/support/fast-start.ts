/** Flags for a `node` that runs the sources: see tools/fast-start.mjs. */
export const fastStart: readonly string[] = [
  '--import',
  new URL('../../tools/fast-start.mjs', import.meta.url).href,
]
