import { presentUpload } from '../../files/resume/finish-upload.ts'
import type { FileStore } from '../../files/state/file-store.ts'
import type { FileId } from '../../model/file.ts'
import type { HttpContext } from '../../http/server/context.ts'
import { sendInterim } from './interim.ts'

/**
 * Tells a client that understands it how many of its bytes are durable, about once for every chunk
 * that comes: "the server SHOULD send interim responses with a 104 (Upload Resumption Supported)
 * status code and the Upload-Offset header field set to the current offset to inform the client
 * about the upload progress."
 */
export class InterimProgress {
  readonly #store: FileStore
  readonly #ctx: HttpContext
  readonly #id: FileId
  #unasked = 0
  #told: number
  #telling: Promise<void> | undefined

  constructor(store: FileStore, ctx: HttpContext, id: FileId, from: number) {
    this.#store = store
    this.#ctx = ctx
    this.#id = id
    this.#told = from
  }

  update(bytes: Uint8Array): void {
    this.#unasked += bytes.length
    if (this.#telling !== undefined || this.#unasked < this.#store.options.chunkSize) return
    this.#unasked = 0
    this.#telling = this.#tell().finally(() => {
      this.#telling = undefined
    })
  }

  /** Resolves when nothing more is told. */
  async ended(): Promise<void> {
    await this.#telling
  }

  async #tell(): Promise<void> {
    try {
      const { offset } = await presentUpload(this.#store, this.#ctx.state.caller, this.#id)
      if (offset === this.#told) return
      // "These interim responses MUST NOT include the Location header field."
      sendInterim(this.#ctx, { 'Upload-Offset': String(offset) })
      this.#told = offset
    } catch (error) {
      // The body that is being received fails by itself, if it must.
      this.#ctx.state.log.debug({ err: error }, 'progress not told')
    }
  }
}
