import { Readable } from 'node:stream'
import { expect } from 'vitest'
import type { CommittedFile } from '../../src/catalog/catalog.ts'
import type { FileStore } from '../../src/files/state/file-store.ts'
import type { BodyCheck, UploadRequest } from '../../src/files/upload/receive.ts'
import { uploadFile } from '../../src/files/upload/upload-file.ts'
import { parseFileName } from '../../src/model/file.ts'
import { eventually } from './eventually.ts'
import { localCaller } from '../../src/model/principal.ts'

/** Uploads bytes that come in pieces of a size that fits nothing. */
export function uploadBytes(
  store: FileStore,
  name: string,
  bytes: Buffer,
  request: Partial<UploadRequest> = {},
): Promise<CommittedFile> {
  return uploadFile(store, localCaller, () => bodyOf(bytes), {
    name: parseFileName(name),
    mediaType: 'application/octet-stream',
    ...request,
  })
}

export function bodyOf(bytes: Buffer, pieceBytes = 50_001): Readable {
  const pieces = function* () {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
  }
  return Readable.from(pieces(), { objectMode: false })
}

export class CutOff extends Error {}

/**
 * Uploads the first bytes of a body, and when all of them have been taken and `isTime` does not
 * throw either, the body fails with `CutOff`.
 */
export function uploadUntilCutOff(
  store: FileStore,
  name: string,
  bytes: Buffer,
  isTime: () => void | Promise<void> = () => {},
): Promise<CommittedFile> {
  let taken = 0
  const counting: BodyCheck = {
    update: (piece) => {
      taken += piece.length
    },
    verify: () => {},
  }
  const pieces = async function* () {
    yield* bodyOf(bytes)
    await eventually(() => expect(taken).toBe(bytes.length))
    await eventually(isTime)
    throw new CutOff('the client went away')
  }
  return uploadFile(store, localCaller, () => Readable.from(pieces(), { objectMode: false }), {
    name: parseFileName(name),
    mediaType: 'application/octet-stream',
    checks: [counting],
  })
}
