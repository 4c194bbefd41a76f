import { z } from 'zod'
import type { Upload } from '../../model/upload.ts'

/** What responses to HEAD have to repeat of the request that created the upload. */
export interface Announced {
  readonly metadata?: string | undefined
  readonly concat?: string | undefined
}

const schema = z.object({ metadata: z.string().optional(), concat: z.string().optional() })

export function writeAnnounced(announced: Announced): string {
  return JSON.stringify(announced)
}

export function readAnnounced({ announced }: Upload): Announced {
  return announced === undefined ? {} : schema.parse(JSON.parse(announced))
}
