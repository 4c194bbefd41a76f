import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { optionRows } from '../../src/config/rows.ts'
import { ConfigError, readConfig } from '../../src/config/config.ts'

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB
const day = 86_400_000

function refusal(argv: readonly string[], env: NodeJS.ProcessEnv = {}): ConfigError {
  try {
    readConfig(argv, env)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error(`was taken: ${argv.join(' ')}`)
}

it('has the promised defaults', () => {
  expect(readConfig([], {})).toEqual({
    store: './ashlar-data',
    catalog: 'sqlite',
    s3Endpoint: 'aws',
    s3Region: 'us-east-1',
    s3Addressing: 'auto',
    s3TimeoutMs: 30_000,
    maxClockSkewMs: 10_000,
    host: '127.0.0.1',
    port: 8080,
    chunkSize: 8 * MiB,
    maxUploadConcurrency: 4,
    maxDownloadConcurrencyPerFile: 8,
    maxDownloadConcurrency: 32,
    verifyOn: 'auto',
    maxBufferMemory: 128 * MiB,
    maxHotMemory: 16 * MiB,
    maxFileSize: Infinity,
    minFreeSpace: 64 * MiB,
    maxFormFiles: 1000,
    maxHeaderSize: 16 * KiB,
    maxConnections: 4096,
    maxRequests: 4096,
    maxRequestsPerClient: 1024,
    maxPipelinedRequests: 32,
    corsOrigins: [],
    publicUrl: undefined,
    allowedHosts: [],
    trustedProxies: [],
    headersTimeoutMs: 30_000,
    keepAliveTimeoutMs: 65_000,
    stallTimeoutMs: 60_000,
    minUploadRate: 64,
    lingerTimeoutMs: 30_000,
    maxLingering: 128,
    shutdownTimeoutMs: 30_000,
    uploadExpiryMs: day,
    collectIntervalMs: 60_000,
    collectGraceMs: 300_000,
    orphanIntervalMs: day,
    orphanGraceMs: day,
    scrubIntervalMs: 7 * day,
    scrubRate: 16 * MiB,
    metricsAccess: 'local',
    tuning: 'on',
    logLevel: 'info',
    logFormat: 'auto',
    logRequests: 'all',
    allowUnauthenticated: false,
  })
})

describe('where a value comes from', () => {
  it.each([
    [['--port', '1'], {}, 1],
    [['--port=1'], {}, 1],
    [[], { ASHLAR_PORT: '2' }, 2],
    [['--port', '1'], { ASHLAR_PORT: '2' }, 1],
    [['--port', '1', '--port', '3'], {}, 3],
    [[], { PORT: '9', ASHLARPORT: '9' }, 8080],
  ])('%j with %j: port %d', (argv, env, port) => {
    expect(readConfig(argv, env).port).toBe(port)
  })

  it.each([
    [['--allow-unauthenticated'], {}, true],
    [['--allow-unauthenticated'], { ASHLAR_ALLOW_UNAUTHENTICATED: 'false' }, true],
    [[], { ASHLAR_ALLOW_UNAUTHENTICATED: 'true' }, true],
    [[], { ASHLAR_ALLOW_UNAUTHENTICATED: 'false' }, false],
  ])('%j with %j: switch %s', (argv, env, isAllowed) => {
    expect(readConfig(argv, env).allowUnauthenticated).toBe(isAllowed)
  })

  it.each(optionRows)('$variable takes the default as written', (row) => {
    expect(readConfig([], { [row.variable]: row.default })).toEqual(readConfig([], {}))
  })

  it.each(optionRows.filter(({ flag, declaration }) => flag !== declaration))(
    '$flag takes the default as written',
    (row) => {
      expect(readConfig([row.flag, row.default], {})).toEqual(readConfig([], {}))
    },
  )
})

describe('sizes', () => {
  it.each([
    ['1048576', MiB],
    ['1048576B', MiB],
    ['64KiB', 64 * KiB],
    ['64kib', 64 * KiB],
    ['8 MiB', 8 * MiB],
    ['1.5GiB', 1.5 * GiB],
    ['0.5KB', 500],
    ['10GB', 10_000_000_000],
    ['2MB', 2_000_000],
    ['1TiB', 1024 * GiB],
    ['3TB', 3_000_000_000_000],
    ['unlimited', Infinity],
  ])('%s is %d bytes', (text, bytes) => {
    expect(readConfig(['--max-file-size', text], {}).maxFileSize).toBe(bytes)
  })

  it.each([
    '',
    '8M',
    '8K',
    '1.5',
    '0.3KiB',
    '-1',
    '1e6',
    '0x10',
    'MiB',
    '8MiB!',
    '1,5GiB',
    'Unlimited',
    '9000TiB',
    '0',
    '.5KiB',
  ])('refuses %j', (text) => {
    expect(refusal([`--max-file-size=${text}`])).toMatchObject({
      exitCode: 2,
      message: `--max-file-size ${JSON.stringify(text)} must be unlimited or a size from 1B to 8000TiB, in bytes or with a unit such as MiB or MB`,
    })
  })
})

describe('durations', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['7d', 7 * day],
    ['2 H', 7_200_000],
  ])('%s is %d ms', (text, ms) => {
    expect(readConfig(['--upload-expiry', text], {}).uploadExpiryMs).toBe(ms)
  })

  it.each(['', '30', '0', '30sec', '1w', '-5s', '0.5ms', 's', '5m30s', '30KiB', '30constructor'])(
    'refuses %j',
    (text) => {
      expect(refusal([`--stall-timeout=${text}`]).message).toBe(
        `--stall-timeout ${JSON.stringify(text)} must be a time from 1ms to 24d with its unit: ms, s, m, h or d`,
      )
    },
  )
})

describe('where servers share things', () => {
  const postgres = ['--catalog', 'postgres://me@db/ashlar']

  it('wants a catalog elsewhere for chunks in a bucket', () => {
    expect(refusal(['--store', 's3://bucket/files']).message).toMatch(
      /^the default of --catalog "sqlite" has no directory/,
    )
    for (const catalog of ['sqlite:/srv/catalog.sqlite', 'postgres://me@db/ashlar']) {
      expect(readConfig(['--store', 's3://bucket/files', '--catalog', catalog], {})).toMatchObject({
        catalog,
      })
    }
  })

  it('leaves what is deleted for long enough to hear who reads it', () => {
    expect(readConfig([...postgres, '--collect-grace', '1m'], {}).collectGraceMs).toBe(60_000)
    expect(refusal([...postgres, '--collect-grace', '59s']).message).toMatch('must be at least 1m')
    expect(readConfig(['--collect-grace', '59s'], {}).collectGraceMs).toBe(59_000)
  })
})

describe('limits, both sides', () => {
  const roomy = ['--max-buffer-memory', '1TiB']
  it.each([
    ['--port', ['0', '65535'], ['-1', '65536', '80.5', 'http', ' 80']],
    ['--chunk-size', ['64KiB', '1GiB'], ['65535', '1073741825']],
    ['--max-upload-concurrency', ['1', '1024'], ['0', '1025']],
    ['--max-download-concurrency-per-file', ['1', '1024'], ['0', '1025']],
    ['--max-download-concurrency', ['1', '4096'], ['0', '4097']],
    ['--max-buffer-memory', ['32MiB', '1TiB'], ['8388607', '1.5TiB']],
    ['--max-hot-memory', ['0B', '1TiB'], ['-1', '1.5TiB']],
    ['--max-file-size', ['1', '8000TiB'], ['0', '8001TiB']],
    ['--min-free-space', ['0B', '0', '8000TiB'], ['-1', '8001TiB', 'unlimited']],
    ['--max-form-files', ['1', '100000'], ['0', '100001']],
    ['--max-header-size', ['1KiB', '1MiB'], ['1023', '1048577']],
    ['--max-connections', ['1', '1000000'], ['0', '1000001']],
    ['--max-requests', ['1', '1000000'], ['0', '1000001']],
    ['--max-pipelined-requests', ['1', '10000'], ['0', '10001']],
    [
      '--cors-origins',
      [
        'none',
        '*',
        'https://a.example',
        'https://a.example, http://localhost:3000,http://[::1]:8080',
        'capacitor://localhost,chrome-extension://abcdefgh',
      ],
      [
        '',
        'null',
        'https://a.example,null',
        'a.example',
        'https://',
        'https://a.example/',
        'https://a.example/path',
        'https://a.example?x',
        'https://me@a.example',
        'https://A.example',
        'https://a.example:443',
        'http://a.example:99999',
        'https://*.example',
        'https://a.example,',
        'https://a.example https://b.example',
        '*,https://a.example',
        'none,https://a.example',
        'file:///srv',
      ],
    ],
    ['--headers-timeout', ['1ms', '24d'], ['0ms', '25d']],
    ['--keep-alive-timeout', ['1ms', '24d'], ['0s', '25d']],
    ['--stall-timeout', ['1ms', '24d'], ['0s', '25d']],
    ['--min-upload-rate', ['0B', '1GiB'], ['-1', '1.1GiB']],
    ['--linger-timeout', ['1ms', '24d'], ['0s', '25d']],
    ['--max-lingering', ['1', '1000000'], ['0', '1000001']],
    ['--shutdown-timeout', ['0s', '24d'], ['25d']],
    ['--upload-expiry', ['1ms', '3650d'], ['0s', '3651d']],
    ['--collect-interval', ['1ms', '24d'], ['0s', '25d']],
    ['--collect-grace', ['0s', '3650d'], ['3651d']],
    ['--orphan-interval', ['1ms', '3650d'], ['0s', '3651d']],
    ['--orphan-grace', ['0s', '3650d'], ['3651d']],
    ['--scrub-interval', ['1s', '3650d'], ['999ms', '3651d']],
    ['--scrub-rate', ['0B', '1TiB'], ['-1', '1025GiB']],
    ['--metrics-access', ['local', 'all', 'none'], ['', 'proxy']],
    ['--tuning', ['on', 'off'], ['', 'yes']],
    ['--max-requests-per-client', ['1', '1000000'], ['0', '1000001']],
    ['--log-level', ['fatal', 'silent'], ['INFO', 'verbose', '']],
    ['--verify-on', ['auto', 'threads', 'event-loop'], ['', 'thread']],
    ['--log-format', ['auto', 'json', 'text'], ['', 'JSON']],
    ['--log-requests', ['all', 'errors'], ['', 'none']],
    [
      '--store',
      ['/srv/ashlar', 'a b'],
      [
        '',
        'a\0b',
        'http://x/y',
        's3://',
        's3://bucket?x',
        'S3://bucket',
        's3://b/x',
        `s3://${'b'.repeat(64)}`,
      ],
    ],
    [
      '--catalog',
      ['sqlite', 'sqlite:/srv/catalog.sqlite', 'postgres://me:secret@db/ashlar', 'postgresql:///x'],
      ['', 'sqlite:', 'mysql://db/ashlar', 'postgres:', '/srv/catalog.sqlite'],
    ],
    [
      '--s3-endpoint',
      ['aws', 'http://127.0.0.1:9000', 'https://s3.example/'],
      ['', 's3.example', 'ftp://s3.example', 'https://s3.example/path', 'https://'],
    ],
    ['--s3-region', ['us-east-1', 'default'], ['', 'a b', 'a/b']],
    ['--s3-addressing', ['auto', 'path', 'host'], ['', 'virtual']],
    ['--s3-timeout', ['100ms', '24d'], ['99ms', '25d']],
    ['--max-clock-skew', ['0ms', '1d'], ['25h', '1']],
    [
      '--public-url',
      ['none', 'http://files.example', 'https://files.example:8443/a/b/', 'https://[::1]/'],
      [
        '',
        '/share/',
        'files.example',
        'ftp://a',
        'https://me@a/',
        'https://a/?x',
        'https://a/#x',
        'https://',
      ],
    ],
    [
      '--allowed-hosts',
      ['none', 'files.example', 'nas, *.lan', '*.a.example.', 'my_app', '192.0.2.1'],
      ['', '*', 'a.*', '*a.example', 'https://a', 'a:80', 'a,,b', '.a', 'a..b', 'b\u00fccher.example', '-a'],
    ],
    [
      '--trusted-proxies',
      ['none', '127.0.0.1', '::1, 10.0.0.0/8,fd00::/8'],
      [
        '',
        'proxy.example',
        '10.0.0',
        '10.0.0.0/0',
        '10.0.0.0/33',
        '::1/129',
        'fe80::1%eth0',
        'loopback',
        '1.2.3.4,',
      ],
    ],
    ['--host', ['localhost', '::1'], ['', '[::1]', 'a b', '-x', 'http://localhost']],
  ])('%s takes %j and refuses %j', (flag, taken, refused) => {
    for (const text of taken) expect(() => readConfig([...roomy, `${flag}=${text}`], {})).not.toThrow()
    for (const text of refused) {
      const { message, exitCode } = refusal([...roomy, `${flag}=${text}`])
      expect(message).toMatch(`${flag} ${JSON.stringify(text)} must be `)
      expect(exitCode).toBe(2)
    }
  })

  it('has a row here for every option that takes a value', () => {
    expect(
      optionRows.filter(({ declaration, flag }) => declaration === flag).map(({ flag }) => flag),
    ).toEqual(['--allow-unauthenticated'])
    expect(optionRows).toHaveLength(48)
  })

  it('refuses a switch variable that is neither true nor false', () => {
    for (const text of ['', '1', 'yes', 'TRUE']) {
      expect(refusal([], { ASHLAR_ALLOW_UNAUTHENTICATED: text }).message).toBe(
        `ASHLAR_ALLOW_UNAUTHENTICATED ${JSON.stringify(text)} must be true or false`,
      )
    }
  })
})

describe('limits between options', () => {
  it('takes chunks up to a quarter of the buffer memory', () => {
    expect(readConfig(['--max-buffer-memory', '8MiB', '--chunk-size', '2MiB'], {}).chunkSize).toBe(2 * MiB)
    expect(refusal(['--max-buffer-memory', '8MiB', '--chunk-size', '2097153']).message).toMatch(
      /^--chunk-size "2097153" must be at most a quarter of --max-buffer-memory/,
    )
    expect(refusal(['--max-buffer-memory', '31MiB']).message).toMatch(
      /^the default of --chunk-size "8MiB" must be/,
    )
  })

  it('takes as many blocks for one download as fit into the buffer memory', () => {
    const small = [
      '--max-buffer-memory',
      '8MiB',
      '--chunk-size',
      '64KiB',
      '--max-download-concurrency-per-file',
    ]
    expect(readConfig([...small, '8'], {}).maxDownloadConcurrencyPerFile).toBe(8)
    expect(refusal([...small, '9']).message).toMatch(
      /^--max-download-concurrency-per-file "9" blocks of 1MiB must fit into --max-buffer-memory/,
    )
  })

  it.each([
    '127.0.0.1',
    '127.255.0.3',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::ffff:127.0.0.1',
    'localhost',
    'LocalHost',
  ])('listens on %s', (host) => {
    expect(readConfig(['--host', host], {}).host).toBe(host)
  })

  it.each([
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '128.0.0.1',
    '::ffff:10.0.0.1',
    'example.org',
    'localhost.example.org',
    '127.1',
  ])('listens on %s only with --allow-unauthenticated', (host) => {
    expect(refusal(['--host', host])).toMatchObject({
      exitCode: 2,
      message: `--host "${host}" can be reached by other machines, and Ashlar has no authentication yet: add --allow-unauthenticated if that is meant`,
    })
    expect(readConfig(['--host', host, '--allow-unauthenticated'], {}).host).toBe(host)
  })
})

describe('what is no option', () => {
  it.each([
    [['--prot', '1'], {}, "unknown option '--prot' (Did you mean --port?)"],
    [['-p', '1'], {}, "unknown option '-p'"],
    [['serve'], {}, 'too many arguments. Expected 0 arguments but got 1: serve.'],
    [['--port'], {}, "option '--port <number>' argument missing"],
    [
      ['--allow-unauthenticated=no'],
      {},
      "unknown option '--allow-unauthenticated=no' (Did you mean --allow-unauthenticated?)",
    ],
    [[], { ASHLAR_PORT: 'a\nb' }, 'ASHLAR_PORT "a\\nb" must be a whole number from 0 to 65535'],
  ])('%j with %j: one line', (argv, env, message) => {
    expect(refusal(argv, env)).toMatchObject({ name: 'ConfigError', exitCode: 2, message })
  })
})

function warningsFor(env: NodeJS.ProcessEnv): readonly string[] {
  const warnings: string[] = []
  readConfig([], env, (message) => warnings.push(message))
  return warnings
}

describe('a variable', () => {
  it('that is unknown is a warning that names it', () => {
    expect(warningsFor({ ASHLAR_PROT: '1', ASHLAR_: '' })).toEqual([
      expect.stringContaining('ASHLAR_PROT'),
      expect.stringContaining('ASHLAR_'),
    ])
    expect(warningsFor({ ASHLAR_URL: 'http://x', ASHLAR_PORT: '1', OTHER: '' })).toEqual([])
  })

  it('that Kubernetes injects for a Service named ashlar is ignored', () => {
    const env = {
      ASHLAR_SERVICE_HOST: '10.0.0.1',
      ASHLAR_SERVICE_PORT: '8080',
      ASHLAR_SERVICE_PORT_HTTP: '8080',
      ASHLAR_PORT: 'tcp://10.0.0.1:8080',
      ASHLAR_PORT_8080_TCP: 'tcp://10.0.0.1:8080',
      ASHLAR_PORT_8080_TCP_PROTO: 'tcp',
      ASHLAR_PORT_8080_TCP_PORT: '8080',
      ASHLAR_PORT_8080_TCP_ADDR: '10.0.0.1',
      ASHLAR_BLUE_SERVICE_HOST: '10.0.0.2',
      ASHLAR_BLUE_PORT: 'tcp://10.0.0.2:8080',
    }
    expect(warningsFor(env)).toEqual([])
    expect(readConfig([], env)).toEqual(readConfig([], {}))
  })

  it('with an address that Kubernetes would not put there is still refused', () => {
    expect(refusal([], { ASHLAR_PORT: 'http://10.0.0.1:8080' }).exitCode).toBe(2)
    expect(refusal([], { ASHLAR_MAX_FORM_FILES: 'tcp://10.0.0.1:8080' }).exitCode).toBe(2)
  })
})

describe('help and version', () => {
  it('shows every flag, variable and default, and nothing is wrong', () => {
    const { message, exitCode } = refusal(['--help'], { ASHLAR_PORT: 'nonsense' })
    const words = message.replace(/\s+/g, ' ')
    for (const row of optionRows) {
      expect(words).toContain(`${row.declaration} ${row.help} (${row.variable}; ${row.default})`)
    }
    expect(exitCode).toBe(0)
    expect(refusal(['-h'])).toMatchObject({ message, exitCode: 0 })
  })

  it('prints the version of the package', async () => {
    const manifest = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
    expect(manifest).toContain(`"version": "${refusal(['--version']).message}"`)
    expect(refusal(['-V']).exitCode).toBe(0)
  })
})

it('is what docs/configuration.md says', async () => {
  const page = await readFile(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
  const rows = page.split('\n').filter((line) => line.startsWith('| `--'))
  expect(rows).toEqual(
    optionRows.map(
      ({ flag, variable, help, ...row }) => `| \`${flag}\` | \`${variable}\` | ${row.default} | ${help} |`,
    ),
  )
})
