import { connect } from '../../../src/client/node.ts'

/**
 * Begins one of each kind of transfer, aborts them all when it is told to, and has nothing to do
 * then.
 */
const [url = '', present = ''] = process.argv.slice(2)
const controller = new AbortController()
const { signal } = controller
process.once('message', () => {
  controller.abort(new Error('enough'))
  process.disconnect?.()
})

const client = connect(url)
const bytes = new Uint8Array(9 * 1024 * 1024)
const source = {
  size: bytes.length,
  async *read(from: number, to: number) {
    yield bytes.slice(from, to)
  },
}
const target = { size: async () => 0, read: pieces, write: async () => {}, finish: async () => {} }
async function* pieces() {
  yield bytes
}

const ended = await Promise.allSettled([
  client.show('asked', { signal }),
  client.put('put', source, { signal }).result,
  client.putStream('streamed', pieces(), { signal }).result,
  client.download(present, target, { signal }).result,
])
const isAborted = ended.every((call) => call.status === 'rejected' && call.reason === signal.reason)
process.exitCode = isAborted ? 0 : 1
