import { cpus, release, totalmem, type as system } from 'node:os'

/** What the figures of a run are of. */
export function describeMachine(): string {
  const processors = cpus()
  const gib = Math.round(totalmem() / 1024 ** 3)
  return `${processors.length} × ${processors[0]?.model.trim()}, ${gib} GiB, ${system()} ${release()}, Node ${process.versions.node}`
}
