import https from 'node:https'
import { S3Client } from '@aws-sdk/client-s3'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { agentForReading } from '../../system/one-buffer-agent.ts'
import type { S3ChunkStoreOptions } from './s3-options.ts'

type ClientOptions = Pick<S3ChunkStoreOptions, 'endpoint' | 'region' | 'isPathStyle' | 'credentials'>

/**
 * Else it prints what errors say anyway, and that requests wait for a connection, which is what
 * they are meant to do.
 */
const silent = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * A client that sends each request once, and never gives up by itself: to retry and to lose
 * patience are for wrappers.
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
    // Engines that do not know the newer checksums store their trailers as content, or ignore them.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // It would take a round trip before each put.
    expectContinueHeader: false,
    logger: silent,
    requestHandler: new NodeHttpHandler({
      httpAgent: agentForReading(connections),
      httpsAgent: new https.Agent(connections),
      // A response may stand still for as long as nobody wants its bytes.
      socketTimeout: 0,
      logger: silent,
    }),
  })
}
