import type { Precondition } from '../../catalog/catalog.ts'
import type { Caller } from '../../model/principal.ts'
import { checkPrecondition } from '../../catalog/check-precondition.ts'
import type { FileName } from '../../model/file.ts'
import type { Storage } from '../state/file-store.ts'

/**
 * Throws `precondition_failed` unless the precondition holds for the file that has the name at the
 * moment. This avoids receiving a body that is bound to be refused; the catalog checks again in the
 * end.
 */
export async function checkCurrentFile(
  store: Pick<Storage, 'catalog'>,
  { space }: Pick<Caller, 'space'>,
  name: FileName,
  precondition: Precondition | undefined,
): Promise<void> {
  if (!precondition || Object.keys(precondition).length === 0) return
  checkPrecondition(precondition, await store.catalog.findFile(space, { name }))
}

/**
 * Throws `no_space` if a file of this size does not fit at the moment. Nothing is reserved, neither
 * for it nor for the stated sizes of other uploads: they may be refused later when the disk is
 * full.
 */
export async function refuseWithoutSpace(
  { freeSpace }: Pick<Storage, 'freeSpace'>,
  bytes: number,
): Promise<void> {
  await freeSpace.check(bytes)
}
