/**
 * How often a property is tried. `npm run test:long` tries it `full` times, and `npm test` a
 * quarter of them: a mistake that one run does not find, one of the next will, as each tries
 * others.
 */
export function runs(full: number): number {
  return process.env['FULL_RUNS'] === '1' ? full : Math.ceil(full / 4)
}
