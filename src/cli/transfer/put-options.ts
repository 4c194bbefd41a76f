import { isStoreError } from '../../model/errors.ts'
import type { Metadata } from '../../model/file.ts'

export interface PutFlags {
  readonly to?: string
  readonly name?: string
  readonly recursive?: true
  readonly type?: string
  readonly meta?: Metadata
  /** `--no-replace` makes it false. */
  readonly replace: boolean
  readonly parallel?: number
  readonly filesAtOnce?: number
}

export interface Description {
  readonly metadata: Metadata
  readonly mediaType?: string
}

/** What is kept with a file beside its bytes. */
export function toMetadata({ type, meta }: PutFlags, attributes: Metadata): Description {
  return { metadata: { ...attributes, ...meta }, ...(type !== undefined && { mediaType: type }) }
}

/** Why a file was not put, in the words of the command line. */
export function explained(error: unknown, { replace }: PutFlags): unknown {
  return !replace && isStoreError(error, 'precondition_failed')
    ? new Error('a file with this name has other content, and --no-replace was given')
    : error
}
