import { messageOf } from './message-of.ts'

/** Something that this machine refused, in words that name the path. */
export class LocalError extends Error {
  readonly code: string

  constructor(code: string, message: string, cause: unknown) {
    super(message, { cause })
    this.code = code
  }
}

/** Does work that writes to `path`. What the file system says, mostly of a temporary name or of none, is told of the path. */
export async function atPath<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) throw error
    const why = error.code === 'ENOENT' ? 'there is no such folder here' : messageOf(error)
    throw new LocalError(String(error.code), `cannot write ${path}: ${why}`, error)
  }
}
