import { readFileSync } from 'node:fs'

/** How many files this process may open (`ulimit -n`). Undefined if the system does not say. */
export function openFileLimit(): number | undefined {
  if (process.platform === 'linux') return limitIn(readFileSync('/proc/self/limits', 'utf8'))
  // With the network included, the report looks up the name of every peer, which can take minutes.
  Object.assign(process.report, { excludeNetwork: true })
  const { userLimits } = process.report.getReport() as {
    readonly userLimits?: Readonly<Record<string, { readonly soft: number | 'unlimited' }>>
  }
  const soft = userLimits?.['open_files']?.soft
  return soft === 'unlimited' ? Infinity : soft
}

function limitIn(limits: string): number | undefined {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1]
  if (soft === undefined) return undefined
  return soft === 'unlimited' ? Infinity : Number(soft)
}
