import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { inheritedEnv } from '../../test/support/inherited-env.ts'

/** A server in a process of its own, on the loopback interface. */
export interface Peer {
  readonly port: number
  readonly pid: number
  readonly stop: () => Promise<void>
}

const lookEveryMs = 20

/**
 * Starts a server, which is to listen on the port that `argumentsFor` gets. What it says goes
 * nowhere, what it complains of is shown. Rejects if it ends before it listens.
 */
export async function startPeer(
  command: string,
  argumentsFor: (port: number) => readonly string[] | Promise<readonly string[]>,
): Promise<Peer> {
  const port = await freePort()
  const child = spawn(command, await argumentsFor(port), {
    env: inheritedEnv(),
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const exited = once(child, 'exit')
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  while (!(await listens(port))) {
    if (hasEnded()) throw new Error(`${command} has ended before it listened`)
    await Promise.race([delay(lookEveryMs), exited])
  }
  const stop = async () => {
    if (!hasEnded()) child.kill('SIGTERM')
    await exited
  }
  return { port, pid: child.pid!, stop }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    // Not yet: whoever asks looks whether the server is still there.
    return false
  } finally {
    socket.destroy()
  }
}
