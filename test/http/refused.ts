import { STATUS_CODES } from 'node:http'
import { expect } from 'vitest'
import type { Answer } from '../support/http-request.ts'
import type { TestServer } from '../support/test-server.ts'
import { settled } from './settled.ts'

/** The status and the code of a problem. */
export type Refusal = readonly [status: number, code: string]

export interface RefusedAnswer extends Answer {
  readonly refusal: Refusal
}

/**
 * Sends what must be refused, and resolves with the answer once it is sure that it is a problem and
 * the store is as it was.
 */
export async function refused(server: TestServer, send: () => Promise<Answer>): Promise<RefusedAnswer> {
  const before = await settled(server)
  const answer = await send()
  const refusal = problemIn(answer)
  expect(await settled(server)).toEqual(before)
  return { ...answer, refusal }
}

/**
 * What a problem says, which must be written as RFC 9457 has it, with our code and the id of the
 * request.
 */
export function problemIn(answer: Answer): Refusal {
  const { status, reason, headers, body } = answer
  const problem = answer.json() as { readonly code: string }
  expect(problem).toEqual({
    title: STATUS_CODES[status],
    status,
    code: expect.stringMatching(/^[a-z]+(?:_[a-z]+)*$/),
    detail: expect.stringMatching(/^[^\n]{10,300}$/),
    requestId: headers['x-request-id'],
  })
  expect(reason).toBe(STATUS_CODES[status])
  expect(headers).toMatchObject({
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    'content-length': String(body.length),
  })
  return [status, problem.code]
}
