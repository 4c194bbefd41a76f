import { callLibc } from './call-libc.ts'

/** As glibc numbers it. */
const M_ARENA_MAX = -8

const mostHeaps = 2

/**
 * Has threads that begin from now on share heaps of the C library: with one for each, what a thread
 * has freed is of no use to the others, and a crowd's memory was measured to grow by a tenth while
 * it comes and goes. Returns whether it could: where that library is glibc.
 */
export function shareHeaps(): boolean {
  return process.platform === 'linux' && callLibc('mallopt', M_ARENA_MAX, mostHeaps) === 1
}
