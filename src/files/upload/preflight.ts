import type { Precondition } from '../../catalog/catalog.ts'
import type { Caller } from '../../model/principal.ts'
import { checkPrecondition } from '../../catalog/check-precondition.ts'
import type { FileName } from '../../model/file.ts'
import type { Storage } from '../state/file-store.ts'

/**
 * Throws `precondition_failed` unless the precondition holds of what stands behind the name at the
 * moment. So what is bound to be refused is not received first; whether it still holds in the end
 * is for the catalog to see.
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
 * Throws `no_space` if a file of so many bytes would not fit at the moment. Nothing is reserved,
 * neither for it nor for what other unfinished uploads have announced: whoever comes too late is
 * refused when the disk is full.
 */
export async function refuseWithoutSpace(
  { freeSpace }: Pick<Storage, 'freeSpace'>,
  bytes: number,
): Promise<void> {
  await freeSpace.check(bytes)
}
