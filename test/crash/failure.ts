import type { History } from './history.ts'
import { kernelAborts } from './kernel-aborts.ts'
import { Violation } from './violation.ts'

const abortsAtStart = kernelAborts()

/** Says what is wrong, how it came about, and how to see it again. */
export class Failure extends Error {
  override readonly name = 'Failure'

  /** `directory` is left as it was found. */
  constructor(cause: unknown, where: string, replay: string, directory: string, history: History) {
    const lines = [`${where}: ${cause instanceof Violation ? cause.message : (cause as Error).stack}`]
    if (cause instanceof Violation && cause.fileName !== undefined)
      lines.push(`What was done to ${cause.fileName}:`, history.story(cause.fileName))
    const aborts = kernelAborts() - abortsAtStart
    if (aborts > 0)
      lines.push(`Meanwhile the kernel had no memory left for ${aborts} connections, and broke them off.`)
    lines.push(`Left behind: ${directory}`, `Replay: npm run test:crash -- ${replay}`)
    super(lines.join('\n'), { cause })
  }
}
