import { isStoreError } from '../../model/errors.ts'

const meanings: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder here',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  EROFS: 'the file system is read-only',
  EISDIR: 'is a folder',
  ENOTDIR: 'a part of the path is a file, not a folder',
  ENAMETOOLONG: 'the name is too long for this file system',
  ELOOP: 'its symbolic links form a loop',
  EMFILE: 'too many files are open: use a lower --files-at-once',
  EIO: 'the disk failed to read or write',
}

/** What is wrong, and what to do about it, in one line without a full stop. */
export function messageOf(error: unknown): string {
  if (isStoreError(error)) return asClause(error.message)
  if (!(error instanceof Error)) return String(error)
  const code = 'syscall' in error && 'code' in error ? String(error.code) : ''
  return meanings[code] ?? asClause(error.message)
}

function asClause(message: string): string {
  return message.replaceAll(/\s+/g, ' ').replace(/\.$/, '')
}

/** For a ref of `@` and an id. */
export const noSuchId = 'There is no file with this id: it was deleted or replaced. Use the name.'
