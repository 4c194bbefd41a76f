import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { expect } from 'vitest'
import { openRequest, request } from '../support/http-request.ts'

type Server = { readonly port: number }

export interface UnfinishedUpload {
  readonly id: string
  readonly size: number | null
  readonly offset: number
}

export async function sha256Of(bytes: Readable): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(bytes, hash)
  return hash.digest('hex')
}

/** The SHA-256 of a file as a client gets it. Rejects if it does not come whole. */
export async function sha256OfFile(server: Server, id: string): Promise<string> {
  const { response } = await openRequest(server, 'GET', `/files/@${id}`)
  expect(response.statusCode).toBe(200)
  return sha256Of(response)
}

/** All of them, if there are no more than fit on a page. */
export async function unfinishedUploads(server: Server): Promise<readonly UnfinishedUpload[]> {
  const { uploads, cursor } = (await request(server, 'GET', '/api/uploads')).json() as {
    readonly uploads: readonly UnfinishedUpload[]
    readonly cursor: string | null
  }
  expect(cursor).toBeNull()
  return uploads
}

/** Bytes of all chunk files of a store, whether or not anything uses them. */
export async function bytesOfChunks(storeDirectory: string): Promise<number> {
  const entries = await readdir(join(storeDirectory, 'chunks'), { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const sizes = await Promise.all(files.map(({ parentPath, name }) => sizeIfPresent(join(parentPath, name))))
  return sizes.reduce((sum, size) => sum + size, 0)
}

async function sizeIfPresent(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    // Collected meanwhile.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}
