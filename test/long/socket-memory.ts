import { readFileSync } from 'node:fs'

const MiB = 1024 * 1024

/**
 * What may be in transit on one connection: what the kernel holds at both ends, and a buffer in
 * either program.
 */
export const socketMemory = mostHeld('tcp_wmem') + mostHeld('tcp_rmem') + MiB

/**
 * The most bytes that the kernel holds for a connection in one direction: the last of the three
 * that tcp(7) describes.
 */
function mostHeld(name: 'tcp_rmem' | 'tcp_wmem'): number {
  return Number(readFileSync(`/proc/sys/net/ipv4/${name}`, 'utf8').trim().split(/\s+/).at(-1))
}
