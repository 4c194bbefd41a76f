import { fileSource, type FileInfo } from '../../client/node.ts'
import { wholeBytes } from '../../client/upload/put-whole.ts'
import { isStoreError } from '../../model/errors.ts'
import { parseFileName } from '../../model/file.ts'
import { atOnce } from '../../rx/at-once.ts'
import { attributesOf } from './file-attributes.ts'
import { localFiles, type LocalFile, type LocalFileProblems } from './local-files.ts'
import { compared, type ComparedFile } from './store-listing.ts'
import { toMetadata, explained, type Description, type PutFlags } from './put-options.ts'
import type { Session } from '../session.ts'
import { TransferReport } from './transfer-report.ts'
import { FairLimiter } from '../../rx/fair-limiter.ts'

/** Small files wait for the disk of the server together; large ones go in several parts each. */
const smallAtOnce = 64
const largeAtOnce = 8

/**
 * Puts everything that the paths stand for. A file that fails is reported, and the others go on.
 */
export async function putFiles(session: Session, paths: readonly string[], options: PutFlags): Promise<void> {
  const report = await TransferReport.start(session, ['sending', 'sent'])
  const found = (problems: LocalFileProblems) =>
    localFiles(
      paths,
      {
        isRecursive: options.recursive === true,
        to: options.to ?? '',
        ...(options.name !== undefined && { name: options.name }),
      },
      problems,
    )
  const files = found({
    failed: (path, error) => session.fail(path, error, 'path'),
    skipped: (path, why) => session.terminal.say(`ashlar: ${path} ${why}`),
  })
  const counted = report.isWatched ? countFilesToPut(found, report, session.signal) : undefined
  try {
    const all = compared(files, session.client, session.signal)
    const { filesAtOnce = smallAtOnce } = options
    const large = new FairLimiter(options.filesAtOnce ?? largeAtOnce)
    await atOnce(
      all,
      filesAtOnce,
      async (next) => {
        const put = () => putUnlessReplaced(session, report, next, options)
        try {
          await (next.file.size > wholeBytes ? large.run(put) : put())
        } catch (error) {
          session.fail(next.file.path, explained(error, options), 'path')
        }
      },
      session.signal,
    )
  } finally {
    await counted
    report.end()
  }
}

/** What there is to do, for the progress bar: found by a walk of its own, ahead of the sending. */
async function countFilesToPut(
  found: (problems: LocalFileProblems) => AsyncIterable<LocalFile>,
  report: TransferReport,
  signal: AbortSignal,
): Promise<void> {
  // The other walk tells of them.
  const problems = { failed: () => {}, skipped: () => {} }
  for await (const { size } of found(problems)) {
    if (signal.aborted) return
    report.expect(1, size)
  }
}

/** What has been replaced or deleted since it was listed is looked at anew. */
async function putUnlessReplaced(
  session: Session,
  report: TransferReport,
  file: ComparedFile,
  options: PutFlags,
): Promise<void> {
  try {
    await putFile(session, report, file, options)
  } catch (error) {
    if (!file.present || !isStoreError(error, 'not_found')) throw error
    await putFile(session, report, { file: file.file, present: undefined }, options)
  }
}

async function putFile(
  session: Session,
  report: TransferReport,
  { file: { path, name, stats }, present }: ComparedFile,
  options: PutFlags,
): Promise<void> {
  const { client, signal, terminal, isJson } = session
  const description = toMetadata(options, attributesOf(stats))
  const source = await fileSource(path)
  try {
    const transfer = client.put(parseFileName(name), source, {
      signal,
      present,
      ...description,
      ...(options.parallel !== undefined && { parallel: options.parallel }),
      ...(!options.replace && { ifNoneMatch: '*' }),
    })
    const { result, moved } = await report.follow(transfer, path)
    const isToDescribe = result.isUnchanged && options.replace
    const file = isToDescribe ? await describe(session, result.file, description) : result.file
    report.done(result)
    const status = result.isUnchanged ? 'unchanged' : 'sent'
    if (isJson) await terminal.printJson({ path, status, bytesSent: moved, file })
  } finally {
    await source.close()
  }
}

/** Its bytes need not be sent, but it may have got another time, or other metadata, since. */
async function describe(
  { client, signal }: Session,
  file: FileInfo,
  { metadata, mediaType = file.mediaType }: Description,
): Promise<FileInfo> {
  const isSame =
    mediaType === file.mediaType &&
    Object.entries(metadata).every(([key, value]) => file.metadata[key] === value)
  if (isSame) return file
  const changes = { mediaType, metadata: { ...file.metadata, ...metadata } }
  return client.update(`@${file.id}`, changes, { signal })
}
