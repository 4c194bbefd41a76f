import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startPeer, type Peer } from './peer.ts'

const run = promisify(execFile)

/**
 * nginx as a file server at its best: `sendfile`, no log, and uploads by `dav_methods PUT`, which
 * renames what has come but syncs nothing. All that it writes is below `directory`, and `/` is
 * that. Debian's package is installed if it is not there.
 */
export async function startNginx(directory: string, workers: number | 'auto'): Promise<Peer> {
  const nginx = await findNginx()
  const config = join(directory, `nginx-${workers}.conf`)
  await mkdir(directory, { recursive: true })
  return startPeer(nginx, async (port) => {
    await writeFile(config, configOf(directory, workers, port))
    return ['-p', directory, '-c', config, '-e', 'stderr']
  })
}

async function findNginx(): Promise<string> {
  // Debian's place for it need not be on the path of who is not root.
  const nginx = '/usr/sbin/nginx'
  try {
    await run(nginx, ['-v'])
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    await run('apt-get', ['update'])
    await run('apt-get', ['install', '--yes', '--no-install-recommends', 'nginx'])
  }
  return nginx
}

function configOf(directory: string, workers: number | 'auto', port: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (of) => `${of}_temp_path ${join(directory, of)};`,
  )
  return `
    daemon off;
    worker_processes ${workers};
    pid ${join(directory, `nginx-${workers}.pid`)};
    error_log stderr error;
    # Its workers would be somebody else otherwise, who may not see temporary directories of root.
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    events { worker_connections 1024; }
    http {
      access_log off;
      # Without tcp_nopush: with it the end of a range of 64 KiB is held back until the client has acknowledged the rest, 30 ms later.
      sendfile on;
      keepalive_requests 1000000000;
      client_max_body_size 0;
      ${temporary.join('\n      ')}
      server {
        listen 127.0.0.1:${port};
        root ${directory};
        location / {
          dav_methods PUT;
          create_full_put_path on;
        }
      }
    }
  `
}
