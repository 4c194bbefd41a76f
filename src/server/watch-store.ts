import { join } from 'node:path'
import { repeat, type Ongoing } from '../files/upkeep/repeat.ts'
import { DirectoryIdentity } from '../chunks/disk/directory-identity.ts'
import { diskError } from '../chunks/disk/fs-calls.ts'
import { identityName } from '../model/store-identity.ts'
import { catalogAddress, storeAddress, type Addresses } from './addresses.ts'

/**
 * Resolves with a check that the files of an open store are still where it opened them: it rejects
 * `unavailable` once one was moved, unmounted or replaced. It does not watch what is not on this
 * machine.
 */
export async function identifyStore(addresses: Addresses): Promise<() => Promise<void>> {
  const store = storeAddress(addresses)
  const catalog = catalogAddress(addresses)
  const paths = [
    ...(store.kind === 'directory'
      ? ['', identityName, 'chunks', 'records'].map((name) => join(store.directory, name))
      : []),
    ...(catalog.kind === 'sqlite' ? [catalog.path] : []),
  ]
  const identities = await Promise.all(paths.map((path) => DirectoryIdentity.of(path)))
  return async () => {
    try {
      for (const identity of identities) await identity.confirm()
    } catch (error) {
      throw diskError(error, 'Cannot look for the store')
    }
  }
}

/** Calls `onChange` when `confirm` begins to reject, with the error, and when it resolves again. */
export function watchStore(
  confirm: () => Promise<void>,
  everyMs: number,
  onChange: (error: unknown) => void,
): Ongoing {
  let isThere = true
  const look = async () => {
    const error: unknown = await confirm().then(
      () => undefined,
      (reason: unknown) => reason,
    )
    if ((error === undefined) === isThere) return
    isThere = error === undefined
    onChange(error)
  }
  return repeat(look, everyMs, onChange)
}
