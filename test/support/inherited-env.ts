/**
 * The environment for a process that a test starts: this one's, without the size of the thread
 * pool, which opening a store in this process has set for it.
 */
export function inheritedEnv(): NodeJS.ProcessEnv {
  return { ...process.env, UV_THREADPOOL_SIZE: undefined }
}
