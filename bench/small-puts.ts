import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from '../test/support/http-request.ts'
import { startBenchServer } from './bench-server.ts'

const clients = 16
const fileBytes = 4096
const warmUpMs = 2000
const roundMs = 3000
const rounds = 5

const directory = await mkdtemp(join(tmpdir(), 'ashlar-bench-'))
const agent = new http.Agent({ keepAlive: true, maxSockets: clients })
try {
  const server = await startBenchServer(directory)
  try {
    await putFor(server.port, warmUpMs)
    const perSecond: number[] = []
    const times: number[] = []
    for (let round = 0; round < rounds; round++) {
      const start = performance.now()
      const ofRound = await putFor(server.port, roundMs)
      perSecond.push((ofRound.length / (performance.now() - start)) * 1000)
      times.push(...ofRound)
    }
    console.log(
      `\n${clients} clients, each putting a new file of ${fileBytes} bytes as soon as the last one is durable, ${rounds} rounds of ${roundMs / 1000} s:`,
    )
    console.table({
      'PUT/s, median round': quantile(perSecond, 0.5).toFixed(0),
      'PUT/s, all rounds': perSecond.map((puts) => puts.toFixed(0)).join(' '),
      'ms per PUT, median': quantile(times, 0.5).toFixed(1),
      'ms per PUT, 99 %': quantile(times, 0.99).toFixed(1),
    })
  } finally {
    agent.destroy()
    await server.stop()
  }
} finally {
  await rm(directory, { recursive: true })
}

/** How long each PUT took of those that ended within so much time, in ms. */
async function putFor(port: number, ms: number): Promise<readonly number[]> {
  const end = performance.now() + ms
  const times: number[] = []
  const putOnAndOn = async () => {
    for (let start = performance.now(); start < end; start = performance.now()) {
      await put(port)
      times.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: clients }, putOnAndOn))
  return times
}

/** Content and name are new each time: nothing is replaced, and nothing is there already. */
async function put(port: number): Promise<void> {
  const path = `/files/${crypto.randomUUID()}`
  const answer = await request({ port }, 'PUT', path, { body: randomBytes(fileBytes), agent })
  if (answer.status !== 201) throw new Error(`PUT ${path}: ${answer.status} ${String(answer.body)}`)
}

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * part)]!
}
