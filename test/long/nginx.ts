import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { eventually } from '../robustness/eventually.ts'
import { debianProgram } from '../support/debian-packages.ts'

export interface Nginx {
  /** The self-signed certificate, as a file. */
  readonly certificate: string
  stop(): Promise<void>
}

/**
 * Debian's nginx, which ends TLS for `name` on that port of 127.0.0.1 and has these location
 * blocks.
 */
export async function startNginx(name: string, port: number, locations: string): Promise<Nginx> {
  const nginx = await debianProgram('/usr/sbin/nginx', 'nginx')
  const directory = await mkdtemp(join(tmpdir(), 'ashlar-nginx-'))
  const certificate = await makeCertificate(directory, name)
  await writeFile(join(directory, 'nginx.conf'), configOf(directory, name, port, locations))
  const child = spawn(nginx, ['-p', directory, '-c', join(directory, 'nginx.conf'), '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (piece: Buffer) => (said += String(piece)))
  const ended = once(child, 'close')
  await eventually(async () => {
    assert(child.exitCode === null, said)
    await connects(port)
  })
  return {
    certificate,
    async stop() {
      child.kill('SIGTERM')
      await ended
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function makeCertificate(directory: string, name: string): Promise<string> {
  const openssl = await debianProgram('/usr/bin/openssl', 'openssl')
  const certificate = join(directory, 'certificate.pem')
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    join(directory, 'key.pem'),
  ]
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-days', '2']
  await promisify(execFile)(openssl, ['req', '-x509', ...key, ...subject, '-out', certificate])
  return certificate
}

async function connects(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.destroy()
}

function configOf(directory: string, name: string, port: number, locations: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (of) => `${of}_temp_path ${join(directory, of)};`,
  )
  return `
    daemon off;
    worker_processes 1;
    pid ${join(directory, 'nginx.pid')};
    error_log stderr error;
    # Its workers could not see temporary directories of root otherwise.
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    events {}
    http {
      access_log off;
      ${temporary.join('\n      ')}
      server {
        listen 127.0.0.1:${port} ssl http2;
        server_name ${name};
        ssl_certificate ${join(directory, 'certificate.pem')};
        ssl_certificate_key ${join(directory, 'key.pem')};
        ${locations}
      }
    }
  `
}
