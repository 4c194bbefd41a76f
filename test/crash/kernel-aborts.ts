import { readFileSync } from 'node:fs'

const counter = 'TCPAbortOnMemory'

/**
 * Connections that this machine's kernel has broken off because it had no memory for them, for
 * whatever program; 0 where it does not say.
 */
export function kernelAborts(): number {
  if (process.platform !== 'linux') return 0
  const rows = readFileSync('/proc/net/netstat', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
  const names = rows.findIndex((row) => row.includes(counter))
  // Each row of names is followed by one of numbers.
  return names === -1 ? 0 : Number(rows[names + 1]?.[rows[names]!.indexOf(counter)] ?? 0)
}
