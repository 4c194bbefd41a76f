import fs from 'node:fs'
import { basename } from 'node:path'
import { onTestFinished, vi } from 'vitest'

export type FsCall =
  | 'open'
  | 'writev'
  | 'fdatasync'
  | 'fsync'
  | 'read'
  | 'close'
  | 'unlink'
  | 'rename'
  | 'link'

/**
 * What happens to a call of `fs` on something in the directory. Calls are counted per kind from 1.
 */
export type FsFault = { readonly on: FsCall; readonly call: number | 'every' } & (
  | { readonly kind: 'fail'; readonly code: string }
  /** Called when the call begins, which then goes on. */
  | { readonly kind: 'meanwhile'; readonly run: () => void }
  /**
   * A writev or a read that moves only a part of the bytes, at least one: `fs` promises no more.
   */
  | { readonly kind: 'short' }
)

export interface InterposedFs {
  /** Each call as two lines, `fsync ab begins` and `fsync ab ends`. May be emptied. */
  readonly log: string[]
  /** The paths of the descriptors that are open. */
  readonly opened: ReadonlyMap<number, string>
}

/**
 * Stands between the callback `fs` and the code under test until the test is over, because a disk
 * that fails when it should cannot be had otherwise. All that the plan leaves alone is really done.
 * Only what is done to `directory` and inside of it counts and is logged. The plan may change on
 * the way.
 */
export function interposeFs(directory: string, plan: readonly FsFault[] = []): InterposedFs {
  const log: string[] = []
  const opened = new Map<number, string>()
  const counts = new Map<FsCall, number>()

  const interpose = (name: FsCall): void => {
    const real = fs[name] as unknown as (...given: unknown[]) => void
    const standIn = (...given: unknown[]): void => {
      const [target] = given
      const path = typeof target === 'number' ? opened.get(target) : String(target)
      if (!path || !`${path}/`.startsWith(`${directory}/`)) return real.call(fs, ...given)
      const count = (counts.get(name) ?? 0) + 1
      counts.set(name, count)
      const fault = plan.find(({ on, call }) => on === name && (call === count || call === 'every'))
      const done = given.pop() as (error: Error | null, ...results: unknown[]) => void
      const end = (error: Error | null, ...results: unknown[]): void => {
        log.push(`${name} ${basename(path)} ends`)
        if (name === 'open' && !error) opened.set(results[0] as number, path)
        done(error, ...results)
      }
      log.push(`${name} ${basename(path)} begins`)
      if (fault?.kind === 'meanwhile') fault.run()
      if (fault?.kind === 'fail') return void setImmediate(end, systemError(fault.code, name))
      if (name === 'close') opened.delete(target as number)
      real.call(fs, ...(fault?.kind === 'short' ? shortened(name, given) : given), end)
    }
    const spy = vi.spyOn(fs, name).mockImplementation(standIn)
    onTestFinished(() => spy.mockRestore())
  }

  const names = ['open', 'writev', 'fdatasync', 'fsync', 'read', 'close', 'unlink', 'rename', 'link'] as const
  for (const name of names) interpose(name)
  return { log, opened }
}

/**
 * The same call with about half of the bytes: the first pieces of a writev, the first bytes of a
 * read.
 */
function shortened(name: FsCall, given: readonly unknown[]): readonly unknown[] {
  if (name === 'read') {
    const [fd, into, at, length, position] = given
    return [fd, into, at, Math.ceil((length as number) / 2), position]
  }
  const [fd, pieces] = given as [number, readonly Uint8Array[]]
  const whole = pieces.slice(0, Math.floor(pieces.length / 2))
  const cut = pieces[whole.length]!
  return [fd, [...whole, cut.subarray(0, Math.ceil(cut.length / 2))]]
}

function systemError(code: string, syscall: string): Error {
  return Object.assign(new Error(`${code}: as planned, ${syscall}`), { errno: -1, code, syscall })
}
