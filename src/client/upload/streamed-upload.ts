import { isStoreError, type StoreError } from '../../model/errors.ts'
import { Attempts } from '../transport/attempts.ts'
import type { Connection } from '../transport/connection.ts'
import { findRefIn, isTransientOrDamaged, offsetIn, tusHeaders } from './create-file.ts'
import { conditionHeaders, type Conditions } from '../files/delete-file.ts'
import { toBase64 } from './metadata-header.ts'
import type { AnswerHeaders } from '../transport/platform.ts'
import { notOurs, requestHeaders } from '../transport/request.ts'
import { contentOf, sendBytes } from './send-bytes.ts'
import { fewestRequestBytes } from './send-from.ts'
import type { ProgressMeter } from '../transfer.ts'

export interface StreamedUploadOptions extends Conditions {
  readonly signal?: AbortSignal | undefined
}

/** An upload whose length is unknown until its last bytes are sent. */
export class StreamedUpload {
  readonly #connection: Connection
  readonly #path: string
  readonly #options: StreamedUploadOptions
  readonly #meter: ProgressMeter
  #offset = 0
  #requestBytes = Infinity
  #ref: string | undefined

  constructor(connection: Connection, id: string, options: StreamedUploadOptions, meter: ProgressMeter) {
    this.#connection = connection
    this.#path = `uploads/${id}`
    this.#options = options
    this.#meter = meter
  }

  /** Bytes that the server has. */
  get offset(): number {
    return this.#offset
  }

  /** Of the file, after its last bytes. */
  get ref(): string {
    if (this.#ref === undefined) throw notOurs('without the Content-Location of a file')
    return this.#ref
  }

  /** Appends bytes, checked as they arrive; with the last ones it becomes a file. */
  async append(bytes: Uint8Array<ArrayBuffer>, isLast: boolean): Promise<void> {
    let at = 0
    do {
      const piece = bytes.subarray(at, at + this.#requestBytes)
      const end = at + piece.length
      try {
        await this.#appendPiece(piece, isLast && end === bytes.length)
        at = end
      } catch (error) {
        if (!isStoreError(error, 'too_large') || piece.length <= fewestRequestBytes) throw error
        // Perhaps a proxy's limit.
        this.#requestBytes = Math.ceil(piece.length / 2)
      }
    } while (at < bytes.length)
  }

  /** All of the bytes or none of them. */
  async #appendPiece(bytes: Uint8Array<ArrayBuffer>, isLast: boolean): Promise<void> {
    const attempts = new Attempts(this.#connection, this.#options.signal)
    const end = this.#offset + bytes.length
    const headers = {
      ...tusHeaders,
      ...(isLast && { 'Upload-Length': String(end), ...conditionHeaders(this.#options) }),
    }
    const checksum = `sha256 ${toBase64(await this.#connection.platform.sha256(bytes))}`
    const send = () => this.#send(this.#offset, bytes, { ...headers, 'Upload-Checksum': checksum })
    const askAndSend = async () => {
      const present = await this.#ask(headers)
      if (offsetIn(present) !== end) return send()
      // All bytes are there but no file: ask again to hear why.
      if (isLast && findRefIn(present) === undefined) return this.#send(end, bytes.subarray(0, 0), headers)
      return present
    }
    for (let isCertain = true; ; isCertain = false) {
      try {
        const answer = await (isCertain ? send() : askAndSend())
        if (offsetIn(answer) !== end) throw notOurs('with another Upload-Offset than all that was sent')
        this.#ref = findRefIn(answer)
        this.#offset = end
        this.#meter.add(bytes.length)
        return
      } catch (error) {
        await attempts.failed(error, isTransientDamagedOrConflict)
      }
    }
  }

  #send(
    offset: number,
    bytes: Uint8Array<ArrayBuffer>,
    others: Readonly<Record<string, string>>,
  ): Promise<AnswerHeaders> {
    const { signal } = this.#options
    const headers = { ...others, 'Upload-Offset': String(offset) }
    return sendBytes(this.#connection, this.#path, { method: 'PATCH', headers, signal }, contentOf(bytes))
  }

  #ask(headers: Readonly<Record<string, string>>): Promise<AnswerHeaders> {
    const { signal } = this.#options
    return requestHeaders(this.#connection, this.#path, { method: 'HEAD', headers, signal })
  }
}

/** Whoever is told that it is somewhere else asks where. */
function isTransientDamagedOrConflict(error: unknown): error is StoreError {
  return isTransientOrDamaged(error) || isStoreError(error, 'offset_conflict')
}
