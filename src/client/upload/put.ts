import { checkParallel } from '../transport/check-options.ts'
import type { Connection } from '../transport/connection.ts'
import { hasContentOf } from '../download/has-content.ts'
import type { UploadOptions, PutResult } from './put-options.ts'
import { putParts } from './put-parts.ts'
import { putWhole, wholeBytes } from './put-whole.ts'
import { refuseEarly } from './refuse-early.ts'
import { showFile, undefinedIfAbsent } from '../files/show-file.ts'
import type { Source } from './source.ts'
import { startTransfer, type ProgressMeter, type Transfer } from '../transfer.ts'

export function put(
  connection: Connection,
  name: string,
  source: Source,
  options: UploadOptions = {},
): Transfer<PutResult> {
  return startTransfer(async (meter) => {
    checkParallel(options)
    meter.expect(source.size)
    const send = source.size <= wholeBytes ? putWhole : putLarge
    return send(connection, name, source, options, meter)
  })
}

async function putLarge(
  connection: Connection,
  name: string,
  source: Source,
  options: UploadOptions,
  meter: ProgressMeter,
): Promise<PutResult> {
  const { signal } = options
  const present =
    options.present === undefined
      ? await undefinedIfAbsent(showFile(connection, name, { signal }))
      : (options.present ?? undefined)
  let same = 0
  const onSame = (bytes: number) => {
    same += bytes
    meter.reuse(bytes)
  }
  if (present && (await hasContentOf(connection, present, source, signal, onSame))) {
    return { file: present, isUnchanged: true }
  }
  meter.reuse(-same)
  refuseEarly(present, options)
  return { file: await putParts(connection, name, source, options, meter), isUnchanged: false }
}
