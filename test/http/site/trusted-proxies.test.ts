import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { TrustedProxies } from '../../../src/http/site/trusted-proxies.ts'

function from(remoteAddress: string | undefined, forwardedFor?: string): IncomingMessage {
  const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }
  return { socket: { remoteAddress }, connection: { remoteAddress }, headers } as unknown as IncomingMessage
}

describe('the address of a client', () => {
  const proxies = ['10.0.0.0/8', '127.0.0.1', '::1', 'fd00::/8']
  it.each([
    ['of a socket', [], '192.0.2.1', undefined, '192.0.2.1'],
    ['of a socket, if nobody is trusted', [], '127.0.0.1', '192.0.2.1', '127.0.0.1'],
    ['of a socket that is not trusted', proxies, '192.0.2.1', '10.0.0.1', '192.0.2.1'],
    ['that a trusted proxy names', proxies, '127.0.0.1', '192.0.2.1', '192.0.2.1'],
    [
      'that a proxy names last, and not what the client says',
      proxies,
      '127.0.0.1',
      '1.1.1.1, 192.0.2.1',
      '192.0.2.1',
    ],
    ['behind two trusted proxies', proxies, '::1', '192.0.2.1, 10.9.8.7', '192.0.2.1'],
    ['of the farthest, if all are trusted', proxies, '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['in IPv4 that came over IPv6', proxies, '::ffff:10.0.0.1', '::ffff:192.0.2.1', '192.0.2.1'],
    ['in IPv6', proxies, 'fd00::7', '2001:db8::1', '2001:db8::1'],
    ['of the proxy, if it names none', proxies, '127.0.0.1', undefined, '127.0.0.1'],
    ['of the proxy, if what it names is none', proxies, '127.0.0.1', 'unknown', '127.0.0.1'],
    ['of nobody once the socket is closed', proxies, undefined, '192.0.2.1', undefined],
  ] as const)('is that %s', (_, trusted, socket, forwardedFor, address) => {
    expect(new TrustedProxies(trusted).clientAddress(from(socket, forwardedFor))).toBe(address)
  })
})
