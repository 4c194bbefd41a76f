import { execFile } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openS3ChunkStore } from '../../../src/chunks/s3/open-s3-chunk-store.ts'
import { inheritedEnv } from '../../support/inherited-env.ts'

const run = promisify(execFile)

const options = {
  endpoint: 'http://127.0.0.1:1',
  region: 'us-east-1',
  bucket: 'chunks',
  isPathStyle: true,
  credentials: { accessKeyId: 'access', secretAccessKey: 'secret' },
}

describe('opening', () => {
  it.each([
    {
      given: {},
      code: 'unavailable',
      message: /^Cannot list bucket chunks at http:.+reached \(ECONNREFUSED\)\.$/,
    },
    {
      given: { endpoint: 'bogus' },
      code: 'internal',
      message: /^Cannot list bucket chunks at bogus: Invalid URL$/,
    },
    { given: { bucket: '' }, code: 'internal', message: /^Cannot list bucket .+Bucket/ },
    { given: { bucket: 'a/b' }, code: 'internal', message: /^Cannot list bucket a\/b at http:.+Bucket name/ },
  ])('$given is refused with $code', async ({ given, code, message }) => {
    const opening = openS3ChunkStore({ ...options, ...given })
    await expect(opening).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })

  it.each([0, -1, 1.5, Number.NaN])('with %d connections is refused', async (maxSockets) => {
    await expect(openS3ChunkStore({ ...options, maxSockets })).rejects.toBeInstanceOf(RangeError)
  })

  it('does not wait for ever for an answer', async () => {
    const listener = net.createServer().listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const sockets = new Set<net.Socket>()
    listener.on('connection', (socket) => sockets.add(socket.resume()))
    onTestFinished(() => {
      listener.close()
      for (const socket of sockets) socket.destroy()
    })
    const { port } = listener.address() as net.AddressInfo
    const opening = openS3ChunkStore({ ...options, endpoint: `http://127.0.0.1:${port}`, openTimeoutMs: 30 })
    await expect(opening).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^Cannot list bucket .+: no answer within 0\.03 s\. Look whether /),
    })
    await expect.poll(() => [...sockets].every(({ closed }) => closed)).toBe(true)
  })

  it('says where credentials are missing', async () => {
    const { credentials: _, ...others } = options
    const outcome = await runAlone(`
      import { openS3ChunkStore } from '${source}'
      await openS3ChunkStore(${JSON.stringify(others)}).catch(({ code, message }) => console.log(code, message))
    `)
    expect(outcome).toMatch(
      /^internal Cannot list bucket chunks at .+: there are no credentials for the S3 store: .+\n$/,
    )
  })
})

describe('the SDK', () => {
  it('is loaded only when a store is opened', async () => {
    const outcome = await runAlone(`
      import { registerHooks } from 'node:module'
      let loaded = 0
      registerHooks({
        load(url, context, next) {
          if (url.includes('/@aws-sdk/')) loaded++
          return next(url, context)
        },
      })
      const { openS3ChunkStore } = await import('${source}')
      console.log(loaded === 0)
      await openS3ChunkStore(${JSON.stringify(options)}).catch(({ code }) => console.log(code, loaded > 0))
    `)
    expect(outcome).toBe('true\nunavailable true\n')
  })
})

const source = new URL('../../../src/chunks/s3/open-s3-chunk-store.ts', import.meta.url).href

/** What a program prints that has nothing of this machine's configuration. */
async function runAlone(program: string): Promise<string> {
  const env = Object.fromEntries(Object.entries(inheritedEnv()).filter(([name]) => !name.startsWith('AWS_')))
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], {
    env: {
      ...env,
      HOME: '/nonexistent',
      AWS_EC2_METADATA_DISABLED: 'true',
    },
  })
  return stdout
}
