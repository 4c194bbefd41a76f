import https from 'node:https'
import { S3Client } from '@aws-sdk/client-s3'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { agentForReading } from '../../system/one-buffer-agent.ts'
import type { S3ChunkStoreOptions } from './s3-options.ts'

type ClientOptions = Pick<S3ChunkStoreOptions, 'endpoint' | 'region' | 'isPathStyle' | 'credentials'>

/**
 * The SDK would log errors, which callers report anyway, and requests that wait for a connection,
 * which is intended.
 */
const silent = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * Creates a client that sends each request once and never times out: wrappers retry and time out.
 */
export function createClient(options: ClientOptions, maxSockets: number): S3Client {
  const { endpoint, region, isPathStyle = false, credentials } = options
  const connections = { keepAlive: true, maxSockets }
  return new S3Client({
    region,
    forcePathStyle: isPathStyle,
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials && { credentials }),
    maxAttempts: 1,
    // Servers that do not know the newer checksums ignore their trailers, or store them as content.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // It would add a round trip to each put.
    expectContinueHeader: false,
    logger: silent,
    requestHandler: new NodeHttpHandler({
      httpAgent: agentForReading(connections),
      httpsAgent: new https.Agent(connections),
      // A response may pause for as long as nobody needs its bytes.
      socketTimeout: 0,
      logger: silent,
    }),
  })
}
