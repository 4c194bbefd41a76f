import { surplusPlaces } from './connections.ts'

/** Chunks and their directories, the catalog, the log, and what Node has for itself. */
const otherFiles = 1024

/** A server that takes fewer is none. */
const fewest = 64

/**
 * How many connections a server may take that is to have `maxConnections` of them, so that its process does not run out of files that
 * it may open: past that nobody would get in, idle or not, and no chunk could be read. `openFileLimit` is absent where the system does not say.
 */
export function connectionsThatFit(maxConnections: number, openFileLimit = ownOpenFileLimit()): number {
  if (openFileLimit === undefined) return maxConnections
  return Math.min(maxConnections, Math.max(fewest, openFileLimit - surplusPlaces - otherFiles))
}

function ownOpenFileLimit(): number | undefined {
  const { userLimits } = process.report.getReport() as {
    readonly userLimits?: Readonly<Record<string, { readonly soft: number | 'unlimited' }>>
  }
  const soft = userLimits?.['open_files']?.soft
  return soft === 'unlimited' ? Infinity : soft
}
