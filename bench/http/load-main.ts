import { exchangeOver } from './exchanges.ts'
import type { Load, LoadResult } from './load.ts'
import { RawConnection } from './raw-connection.ts'

// The process of the clients: takes loads from its parent, one at a time, and tells it what each
// has come to.
process.on('message', (load: Load) => {
  run(load).then(
    (result) => process.send!({ result }),
    (error: unknown) => process.send!({ error: String(error) }),
  )
})

async function run({ port, clients, exchange, until }: Load): Promise<LoadResult> {
  const connections = await Promise.all(Array.from({ length: clients }, () => RawConnection.open(port)))
  try {
    let exchanges = 0
    const begun = performance.now()
    const mayGoOn = (done: number) =>
      'times' in until ? done < until.times : performance.now() - begun < until.ms
    const work = async (connection: RawConnection) => {
      for (let done = 0; mayGoOn(done); done++) {
        await exchangeOver(connection, exchange)
        exchanges++
      }
    }
    await Promise.all(connections.map(work))
    return { exchanges, ms: performance.now() - begun }
  } finally {
    for (const connection of connections) connection.close()
  }
}
