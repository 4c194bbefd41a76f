import { messageOf } from '../terminal/message-of.ts'

/** A failure on this machine, with the path in its message. */
class LocalError extends Error {
  readonly code: string

  constructor(code: string, message: string, cause: unknown) {
    super(message, { cause })
    this.code = code
  }
}

/**
 * Runs work that writes to `path`, and rejects with errors that name it: those of the file system
 * often name a temporary file.
 */
export async function atPath<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) throw error
    const why = error.code === 'ENOENT' ? 'its folder does not exist: create it first' : messageOf(error)
    throw new LocalError(String(error.code), `cannot write ${path}: ${why}`, error)
  }
}
