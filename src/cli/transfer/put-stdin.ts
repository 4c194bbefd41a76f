import { parseFileName } from '../../model/file.ts'
import { joined } from './local-files.ts'
import { toMetadata, explained, type PutFlags } from './put-options.ts'
import type { Session } from '../session.ts'
import { TransferReport } from './transfer-report.ts'

/** Makes a file of what comes from stdin. */
export async function putStdin(session: Session, options: PutFlags): Promise<void> {
  const name = joined(options.to ?? '', options.name ?? '')
  const report = await TransferReport.start(session, ['sending', 'sent'])
  // A writer that says nothing would keep Ctrl-C waiting.
  session.signal.addEventListener('abort', () => process.stdin.destroy(new Error('interrupted')))
  try {
    const transfer = session.client.putStream(parseFileName(name), process.stdin, {
      signal: session.signal,
      ...toMetadata(options, {}),
    })
    const { result: file, moved } = await report.follow(transfer, name)
    report.done({ isUnchanged: false })
    if (session.isJson)
      await session.terminal.printJson({ path: '-', status: 'sent', bytesSent: moved, file })
  } catch (error) {
    session.fail(name, explained(error, options))
  } finally {
    // Else a writer that goes on would keep this process.
    process.stdin.destroy()
    report.end()
  }
}
