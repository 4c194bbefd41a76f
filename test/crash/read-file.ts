import { openRequest, type OpenAnswer } from '../support/http-request.ts'
import { pause } from './client.ts'
import { contentBytes, tagIn } from './content.ts'
import type { History, State } from './history.ts'
import { kernelAborts } from './kernel-aborts.ts'
import { Violation } from './violation.ts'

interface ReadOptions {
  /** So long between two pieces, for as long as it takes to see others replace and collect. */
  readonly pauseMs?: number
}

/**
 * Downloads a file, and resolves with it, or with nothing where there is none. Throws a violation
 * unless its bytes are those of a file that was sent, every one of them.
 */
export async function readFile(
  port: number,
  history: History,
  ref: string,
  options: ReadOptions = {},
): Promise<State> {
  for (;;) {
    const aborts = kernelAborts()
    try {
      return await readOnce(port, history, ref, options)
    } catch (error) {
      // A machine that is busy with something else breaks connections off whose server has sent
      // everything.
      if (error instanceof Violation || kernelAborts() === aborts) throw error
    }
  }
}

async function readOnce(
  port: number,
  history: History,
  ref: string,
  { pauseMs }: ReadOptions,
): Promise<State> {
  const { response }: OpenAnswer = await openRequest({ port }, 'GET', `/files/${ref}`)
  if (response.statusCode === 404) {
    response.resume()
    return undefined
  }
  const value = history.value(tagIn(response.headers['content-type']))
  if (response.statusCode !== 200 || !value) {
    const problem = (await response.toArray()).join('')
    const { 'content-type': mediaType } = response.headers
    throw new Violation(`GET ${ref} was answered ${response.statusCode}, ${mediaType}: ${problem}`, ref)
  }
  let at = 0
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      const end = at + piece.length
      if (end > value.size || !contentBytes(value.content, at, end).equals(piece)) {
        throw new Violation(`GET ${ref}: file ${value.tag} has other bytes between ${at} and ${end}`, ref)
      }
      at = end
      if (pauseMs !== undefined) await pause(pauseMs)
    }
  } catch (error) {
    if (error instanceof Violation) throw error
    throw new Error(`GET ${ref}: file ${value.tag} broke off at ${at} of ${value.size} bytes`, {
      cause: error,
    })
  }
  if (at < value.size)
    throw new Violation(`GET ${ref}: file ${value.tag} ends at ${at} of ${value.size}`, ref)
  return value
}
