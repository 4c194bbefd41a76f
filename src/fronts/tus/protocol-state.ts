import { z } from 'zod'
import type { Upload } from '../../model/upload.ts'

/** What responses to HEAD have to repeat of the request that created the upload. */
export interface ProtocolState {
  readonly metadata?: string | undefined
  readonly concat?: string | undefined
}

const schema = z.object({ metadata: z.string().optional(), concat: z.string().optional() })

export function writeProtocolState(protocolState: ProtocolState): string {
  return JSON.stringify(protocolState)
}

export function readProtocolState({ protocolState }: Upload): ProtocolState {
  return protocolState === undefined ? {} : schema.parse(JSON.parse(protocolState))
}
