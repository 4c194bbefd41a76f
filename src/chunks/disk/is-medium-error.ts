/** What the system reports of a directory, a FIFO, a socket or a device that stands in the place of a file. */
const ofNoFile = new Set(['EISDIR', 'ESPIPE', 'ENXIO', 'ENODEV'])

/** Whether something else than a file was to be read: a chunk that it has taken the place of is lost. */
export function isNoFile(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ofNoFile.has(String(error.code))
}

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
