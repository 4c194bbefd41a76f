import { sql } from 'kysely'
import { StoreError } from '../../model/errors.ts'
import type { FileId } from '../../model/file.ts'
import type { Upload } from '../../model/upload.ts'
import type { CommittedFile, FinishedUpload } from '../catalog.ts'
import { damage } from '../seals.ts'
import type { Database } from './dialect.ts'
import { pointNameAt } from './files.ts'
import { prepared } from './prepared.ts'
import { lockUploads, unfinished } from './upload-rows.ts'
import { removeUploads } from './uploads.ts'

export async function finishUploads(
  db: Database,
  uploads: readonly FinishedUpload[],
): Promise<readonly CommittedFile[]> {
  const complete = await endUploads(db, uploads)
  const committed = new Map<FileId, CommittedFile>()
  // Every transaction locks names in this order, so there is no deadlock. Files of one name keep
  // their order.
  for (const { upload, finished } of complete.toSorted(byName)) {
    const { id, space, name, size, mediaType, metadata } = upload
    const { digest, size: digested, precondition, manifest } = finished
    if (digested !== undefined && digested !== size) throw damage(`the upload ${id} has lost chunks`)
    const file = { id, space, name, size, mediaType, digest, metadata }
    committed.set(id, await pointNameAt(db, file, { precondition, manifest }))
  }
  return uploads.map(({ id }) => committed.get(id)!)
}

interface Finishing {
  readonly upload: Upload & { readonly size: number }
  readonly finished: FinishedUpload
}

/** Rejects what `finishUploads` does, apart from preconditions. */
async function endUploads(db: Database, uploads: readonly FinishedUpload[]): Promise<readonly Finishing[]> {
  const ids = uploads.map(({ id }) => id)
  const left = new Map(await lockUploads(db, ids))
  const complete = uploads.map((finished) => {
    const upload = completed(left.get(finished.id))
    if (finished.isRemembered) left.set(finished.id, { ...upload, isFinished: true })
    else left.delete(finished.id)
    return { upload, finished }
  })
  const [remembered, gone] = [[...left.keys()], ids.filter((id) => !left.has(id))]
  if (remembered.length > 0) await markFinished(db, { ids: remembered })
  if (gone.length > 0) await removeUploads(db, { ids: gone })
  return complete
}

function completed(found: Upload | undefined): Upload & { readonly size: number } {
  const upload = unfinished(found)
  const { offset, size = offset, isPartial } = upload
  if (isPartial) {
    throw new StoreError('invalid_request', 'A partial upload cannot become a file: join it with others.')
  }
  if (offset !== size) {
    throw new StoreError(
      'offset_conflict',
      `The upload is at ${offset} of ${size} bytes: send the rest first.`,
    )
  }
  return { ...upload, size }
}

function byName({ upload: one }: Finishing, { upload: other }: Finishing): number {
  return one.space === other.space ? compared(one.name, other.name) : compared(one.space, other.space)
}

function compared(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}

const markFinished = prepared((queries, values: { ids: readonly FileId[] }, { isAmong }) =>
  queries
    .updateTable('uploads')
    .set({ is_finished: sql.lit(true) })
    .where(isAmong('id', values.ids, 'id')),
)
