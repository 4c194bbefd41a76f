const advice: Readonly<Record<string, string>> = {
  EACCES: 'permission denied. Give the user that runs Ashlar access to it',
  EPERM: 'permission denied. Give the user that runs Ashlar access to it',
  EROFS: 'the file system is read-only. Mount it for writing',
  EMFILE: 'this process has too many files open. Raise its limit (ulimit -n)',
  ENFILE: 'the system has too many files open. Raise its limit (fs.file-max)',
  ENOTDIR: 'a part of the path is a file. Name a directory',
  EEXIST: 'there is a file of that name. Name a directory',
  ENOENT: 'it does not exist. Check that its disk is mounted',
  EIO: 'the disk fails. Check the system log',
  ESTALE: 'the network file system has lost it. Mount it again',
}

/**
 * Explains an error of the operating system: what is wrong, with which path, and what to do.
 * Undefined for other errors.
 */
export function explainSystemError(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('errno' in error) || !('code' in error)) return undefined
  const code = String(error.code)
  const on = 'path' in error ? `${code} on ${String(error.path)}` : code
  return `${advice[code] ?? 'the disk does not work'} (${on}).`
}
