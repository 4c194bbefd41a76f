import { isStoreError } from '../../model/errors.ts'
import { Attempts } from '../transport/attempts.ts'
import { toPath, type Connection } from '../transport/connection.ts'
import { isTransientOrDamaged } from './create-file.ts'
import { conditionHeaders } from '../files/delete-file.ts'
import { digestAsOneChunk, hasContent } from '../download/has-content.ts'
import type { FileInfo } from '../files/file-info.ts'
import { metadataOnly, toBase64 } from './metadata-header.ts'
import type { UploadOptions, PutResult } from './put-options.ts'
import { refuseEarly } from './refuse-early.ts'
import { jsonIn, notOurs } from '../transport/request.ts'
import { contentOf, sendContent, sizeChanged } from './send-bytes.ts'
import { showChunks, showFile, undefinedIfAbsent } from '../files/show-file.ts'
import type { Source } from './source.ts'
import type { ProgressMeter } from '../transfer.ts'

/** Files up to one block go in a single request. */
export const wholeBytes = 1024 * 1024

/**
 * Up to this size, sending costs no more than asking first whether the file is there: the smallest
 * chunk that a server can be told to cut.
 */
const bytesWithoutAsking = 64 * 1024

/** Sends a file in one request with its digest: all or nothing. */
export async function putWhole(
  connection: Connection,
  name: string,
  source: Source,
  options: UploadOptions,
  meter: ProgressMeter,
): Promise<PutResult> {
  const upload = await SmallUpload.of(connection, name, source, options)
  const present = await upload.findPresent()
  const result =
    present && (await upload.isContentOf(present))
      ? { file: present, isUnchanged: true }
      : await upload.send(present)
  if (result.isUnchanged) meter.reuse(source.size)
  else meter.add(source.size)
  return result
}

class SmallUpload {
  readonly #connection: Connection
  readonly #name: string
  readonly #bytes: Uint8Array<ArrayBuffer>
  readonly #options: UploadOptions
  /** Of the file, if the server keeps it as one chunk, as it nearly always does. */
  readonly #digest: string

  private constructor(
    connection: Connection,
    name: string,
    bytes: Uint8Array<ArrayBuffer>,
    options: UploadOptions,
    digest: string,
  ) {
    this.#connection = connection
    this.#name = name
    this.#bytes = bytes
    this.#options = options
    this.#digest = digest
  }

  static async of(
    connection: Connection,
    name: string,
    source: Source,
    options: UploadOptions,
  ): Promise<SmallUpload> {
    const bytes = await readWhole(source)
    const digest = await digestAsOneChunk(connection, bytes)
    return new SmallUpload(connection, name, bytes, options, digest)
  }

  /** `undefined` if there is no file, or if asking would cost more than sending. */
  async findPresent(): Promise<FileInfo | undefined> {
    const { present } = this.#options
    if (present !== undefined) return present ?? undefined
    return this.#bytes.length <= bytesWithoutAsking ? undefined : this.#findBehindName()
  }

  /** `undefined` where the file is gone, and there is nothing left to compare. */
  async isContentOf(file: FileInfo): Promise<boolean | undefined> {
    if (file.size !== this.#bytes.length) return false
    if (file.digest === this.#digest) return true
    // It may have been cut into several chunks.
    const { signal } = this.#options
    const whole = await undefinedIfAbsent(showChunks(this.#connection, `@${file.id}`, { signal }))
    const source = { read: (from: number, to: number) => piecesOf(this.#bytes.subarray(from, to)) }
    return whole && hasContent(this.#connection, source, whole.chunks, signal)
  }

  async send(present: FileInfo | undefined): Promise<PutResult> {
    if (present) refuseEarly(present, this.#options)
    const { signal, ifMatch, ifNoneMatch } = this.#options
    const isConditional = ifMatch !== undefined || ifNoneMatch !== undefined
    const request = await this.#request()
    const attempts = new Attempts(this.#connection, signal)
    for (let isFirst = true; ; isFirst = false) {
      try {
        // The previous attempt may have succeeded: do not overwrite a newer file.
        const stored = isFirst ? undefined : await this.#findSame()
        return { file: stored ?? (await request()), isUnchanged: false }
      } catch (error) {
        const isRefused = isStoreError(error, 'precondition_failed')
        const same = isRefused ? await this.#findSame() : undefined
        if (same) return { file: same, isUnchanged: isFirst }
        // Without a precondition of the caller, only this very content refuses: it has been
        // replaced since.
        const isReplaced = isRefused && !isConditional
        await attempts.failed(error, isReplaced ? isStoreError : isTransientOrDamaged)
      }
    }
  }

  /** A request that the server refuses if the name already has this content. */
  async #request(): Promise<() => Promise<FileInfo>> {
    const { signal, mediaType, metadata = {}, ifMatch, ifNoneMatch } = this.#options
    const etag = `"${this.#digest}"`
    const precondition = {
      ...(ifMatch !== undefined && { ifMatch }),
      ifNoneMatch: ifNoneMatch === undefined ? etag : orEtag(ifNoneMatch, etag),
    }
    const headers = {
      ...conditionHeaders(precondition),
      ...(mediaType !== undefined && { 'Content-Type': mediaType }),
      ...(Object.keys(metadata).length > 0 && { 'Upload-Metadata': metadataOnly(metadata) }),
      'Repr-Digest': `sha-256=:${toBase64(await this.#connection.platform.sha256(this.#bytes))}:`,
    }
    const path = toPath('files/', this.#name)
    const content = contentOf(this.#bytes)
    return async () => {
      const file = await sendContent(
        this.#connection,
        path,
        { method: 'PUT', headers, signal },
        content,
        jsonIn<FileInfo>,
      )
      if ((await this.isContentOf(file)) === false)
        throw notOurs('with another file than the one that was sent')
      return file
    }
  }

  async #findSame(): Promise<FileInfo | undefined> {
    const file = await this.#findBehindName()
    return file && (await this.isContentOf(file)) ? file : undefined
  }

  #findBehindName(): Promise<FileInfo | undefined> {
    return undefinedIfAbsent(showFile(this.#connection, this.#name, { signal: this.#options.signal }))
  }
}

/** The caller's condition, and that the file is none with this tag. */
function orEtag(ifNoneMatch: string, etag: string): string {
  return ifNoneMatch.trim() === '*' ? ifNoneMatch : `${ifNoneMatch}, ${etag}`
}

async function* piecesOf(bytes: Uint8Array<ArrayBuffer>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  yield bytes
}

async function readWhole(source: Source): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(source.size)
  let filled = 0
  for await (const piece of source.read(0, source.size)) {
    if (filled + piece.length > bytes.length) throw sizeChanged()
    bytes.set(piece, filled)
    filled += piece.length
  }
  if (filled < bytes.length) throw sizeChanged()
  return bytes
}
