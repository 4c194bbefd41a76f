import { z } from 'zod'
import { operationOptions, type Option } from './operations.ts'
import {
  addressRanges,
  catalogSchema,
  duration,
  host,
  hostNames,
  httpUrlOr,
  origins,
  publicUrl,
  size,
  sizeOrUnlimited,
  storeSchema,
  wholeNumberSchema,
  yesOrNo,
} from './values.ts'

// A timer of more than 2^31 - 1 ms, which is 24.8 days, would fire at once.
const longestTimer = '24d'

/** Everything that can be set, by the key that it has in `Config`, in the order of `--help`. */
export const options = {
  store: {
    default: './ashlar-data',
    value: 'address',
    help: 'where files are kept: a directory, or s3://bucket/prefix for chunks and manifests',
    schema: storeSchema(),
  },
  catalog: {
    default: 'sqlite',
    value: 'address',
    help: 'where the catalog is: sqlite in the directory of the store, sqlite:file, or postgres://user@host/database, which any number of servers share',
    schema: catalogSchema(),
  },
  s3Endpoint: {
    default: 'aws',
    value: 'url',
    help: 'address of the S3-compatible store, such as https://s3.example:9000; credentials come from where AWS tools look for them',
    schema: httpUrlOr('aws'),
  },
  s3Region: {
    default: 'us-east-1',
    value: 'name',
    help: 'region that requests to S3 are signed for',
    schema: z.string().regex(/^[a-zA-Z0-9-]{1,64}$/, 'must be the name of a region'),
  },
  s3Addressing: {
    default: 'auto',
    value: 'way',
    help: 'whether the bucket is named in the path or in the host of a request: path, host, or auto, which is host for AWS and path for others',
    schema: z.enum(['auto', 'path', 'host'], 'must be auto, path or host'),
  },
  s3TimeoutMs: {
    default: '30s',
    value: 'time',
    help: 'time limit of a call to S3, and of all retries of a failed one',
    schema: duration('100ms', longestTimer),
  },
  maxClockSkewMs: {
    default: '10s',
    value: 'time',
    help: 'how far the clocks of servers that share a catalog may differ; expiry is delayed by this much',
    schema: duration('0ms', '1d'),
  },
  host: { default: '127.0.0.1', value: 'address', help: 'address to listen on', schema: host() },
  port: {
    default: '8080',
    value: 'number',
    help: 'port to listen on; 0 takes one that is free',
    schema: wholeNumberSchema(0, 65_535),
  },
  chunkSize: {
    default: '8MiB',
    value: 'size',
    help: 'bytes of a chunk, 64KiB to 1GiB and at most a quarter of the buffer memory',
    schema: size('64KiB', '1GiB'),
  },
  maxUploadConcurrency: {
    default: '4',
    value: 'number',
    help: 'chunks stored at once, server-wide; chunks of up to 64KiB that are batched do not count',
    schema: wholeNumberSchema(1, 1024),
  },
  maxDownloadConcurrencyPerFile: {
    default: '8',
    value: 'number',
    help: 'blocks of 1MiB that one download may hold while they are read, wait or are written',
    schema: wholeNumberSchema(1, 1024),
  },
  maxDownloadConcurrency: {
    default: '32',
    value: 'number',
    help: 'blocks read at once, server-wide',
    schema: wholeNumberSchema(1, 4096),
  },
  verifyOn: {
    default: 'auto',
    value: 'address',
    help: 'where blocks that are read are verified: threads, event-loop, or auto, which uses threads unless cores are busy',
    schema: z.enum(['auto', 'threads', 'event-loop'], 'must be auto, threads or event-loop'),
  },
  maxBufferMemory: {
    default: '128MiB',
    value: 'size',
    help: 'memory for all chunk and block buffers',
    schema: size('8MiB', '1TiB'),
  },
  maxHotMemory: {
    default: '16MiB',
    value: 'size',
    help: 'memory for small files, up to 64KiB each, beside the buffers; 0B for none',
    schema: size('0B', '1TiB'),
  },
  maxFileSize: {
    default: 'unlimited',
    value: 'size',
    help: 'largest file that is accepted',
    schema: sizeOrUnlimited('1B', '8000TiB'),
  },
  minFreeSpace: {
    default: '64MiB',
    value: 'size',
    help: 'disk space that is never used for storing; deleting and collecting need some',
    schema: size('0B', '8000TiB'),
  },
  maxFormFiles: {
    default: '1000',
    value: 'number',
    help: 'files in one form',
    schema: wholeNumberSchema(1, 100_000),
  },
  maxHeaderSize: {
    default: '16KiB',
    value: 'size',
    help: 'request line and headers together',
    schema: size('1KiB', '1MiB'),
  },
  maxConnections: {
    default: '4096',
    value: 'number',
    help: 'open connections; a new one replaces the one that has been idle longest, or gets 503 if none is idle',
    schema: wholeNumberSchema(1, 1_000_000),
  },
  maxRequests: {
    default: '4096',
    value: 'number',
    help: 'requests in progress, server-wide; further ones get 503',
    schema: wholeNumberSchema(1, 1_000_000),
  },
  maxRequestsPerClient: {
    default: '1024',
    value: 'number',
    help: 'requests in progress per client address once the server has half of --max-requests; further ones get 503',
    schema: wholeNumberSchema(1, 1_000_000),
  },
  maxPipelinedRequests: {
    default: '32',
    value: 'number',
    help: 'unanswered requests on one connection; with more it is closed',
    schema: wholeNumberSchema(1, 10_000),
  },
  corsOrigins: {
    default: 'none',
    value: 'origins',
    help: 'origins whose pages may use the server from a browser: none, * for all, or a list such as https://app.example,http://localhost:3000',
    schema: origins(),
  },
  publicUrl: {
    default: 'none',
    value: 'url',
    help: 'address at which clients reach the server through a proxy, such as https://files.example/share/; answers use it',
    schema: publicUrl(),
  },
  allowedHosts: {
    default: 'none',
    value: 'names',
    help: 'host names to accept besides localhost, IP addresses and the host of --public-url: a list such as files.example,*.lan',
    schema: hostNames(),
  },
  trustedProxies: {
    default: 'none',
    value: 'addresses',
    help: 'proxies whose X-Forwarded-For, -Proto, -Host and -Prefix are trusted: a list such as 127.0.0.1,10.0.0.0/8',
    schema: addressRanges(),
  },
  headersTimeoutMs: {
    default: '30s',
    value: 'time',
    help: 'time a client has to send its headers',
    schema: duration('1ms', longestTimer),
  },
  keepAliveTimeoutMs: {
    default: '65s',
    value: 'time',
    help: 'time an idle connection stays open',
    schema: duration('1ms', longestTimer),
  },
  stallTimeoutMs: {
    default: '60s',
    value: 'time',
    help: 'time after which a client that makes no progress is disconnected',
    schema: duration('1ms', longestTimer),
  },
  minUploadRate: {
    default: '64B',
    value: 'size',
    help: 'bytes per second that a client must send of a body, averaged over the stall timeout',
    schema: size('0B', '1GiB'),
  },
  lingerTimeoutMs: {
    default: '30s',
    value: 'time',
    help: 'how long the server keeps reading the body of a refused request, so that the client sees the answer',
    schema: duration('1ms', longestTimer),
  },
  maxLingering: {
    default: '128',
    value: 'number',
    help: 'refused requests whose bodies are read at once; one more cuts off the oldest',
    schema: wholeNumberSchema(1, 1_000_000),
  },
  shutdownTimeoutMs: {
    default: '30s',
    value: 'time',
    help: 'time that requests in progress have to finish after SIGTERM',
    schema: duration('0ms', longestTimer),
  },
  uploadExpiryMs: {
    default: '24h',
    value: 'time',
    help: 'how long an unfinished upload is kept',
    schema: duration('1ms', '3650d'),
  },
  collectIntervalMs: {
    default: '60s',
    value: 'time',
    help: 'how often unused chunks are collected',
    schema: duration('1ms', longestTimer),
  },
  collectGraceMs: {
    default: '5m',
    value: 'time',
    help: 'how long chunks of deleted and replaced files are kept at least',
    schema: duration('0ms', '3650d'),
  },
  orphanIntervalMs: {
    default: '24h',
    value: 'time',
    help: 'how often to look for orphans, which are chunks that are not in the catalog, as a crash leaves them; also after each start',
    schema: duration('1ms', '3650d'),
  },
  orphanGraceMs: {
    default: '24h',
    value: 'time',
    help: 'how long orphans stay at least after they were found',
    schema: duration('0ms', '3650d'),
  },
  scrubIntervalMs: {
    default: '7d',
    value: 'time',
    help: 'how long after it was last verified a chunk is verified again',
    schema: duration('1s', '3650d'),
  },
  scrubRate: {
    default: '16MiB',
    value: 'size',
    help: 'bytes per second to read for verifying chunks in the background; 0B turns it off',
    schema: size('0B', '1TiB'),
  },
  ...operationOptions,
  allowUnauthenticated: {
    default: 'false',
    help: 'listen on an address that other machines can reach, although Ashlar has no authentication yet',
    schema: yesOrNo(),
  },
} as const satisfies Record<string, Option>

export type OptionKey = keyof typeof options
