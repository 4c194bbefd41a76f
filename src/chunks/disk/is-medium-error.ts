/**
 * Whether the disk itself has failed to read what it should have: a bad sector stays bad, so these bytes are lost, and to ask for
 * them later is no use. Other failures, such as missing permissions, say nothing of the bytes.
 */
export function isMediumError(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'EIO' &&
    'syscall' in error &&
    error.syscall === 'read'
  )
}
