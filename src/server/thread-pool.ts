import type { Config } from '../config/config.ts'

/** Of chunks and of records each: one is being written, and four are being rewritten without what is deleted. */
const packsAtOnce = 10

/** Syncs block a thread each: however slow the disk, some are left for reads. */
export function sizeThreadPool({ maxUploadConcurrency }: Config): void {
  // Read when the first asynchronous call is made, which is after this.
  process.env['UV_THREADPOOL_SIZE'] ??= String(Math.min(1024, 4 + 2 * maxUploadConcurrency + packsAtOnce))
}
