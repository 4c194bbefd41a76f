import { constants, fstatSync, openSync, write } from 'node:fs'
import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isatty } from 'node:tty'

/** How long a terminal that takes nothing, as after Ctrl-S, is left alone. */
const terminalPauseMs = 50

/** Takes bytes, one write at a time. */
export interface Sink {
  /** Resolves with the number of bytes taken, which may be less than all, or none. */
  write(bytes: Buffer): Promise<number>
  /** Gives up the write in progress. */
  close(): void
}

/**
 * Never blocks the event loop, nor a thread for longer than a disk takes: the process could not end
 * before that.
 */
export function openSink(fd: number): Sink {
  if (isatty(fd) && process.platform !== 'win32') return terminalSink(fd)
  const stats = fstatSync(fd)
  return stats.isFIFO() || stats.isSocket() ? streamSink(fd) : fileSink(fd)
}

function fileSink(fd: number): Sink {
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        write(fd, bytes, (error, count) => (error ? reject(error) : resolve(count)))
      }),
    close() {},
  }
}

/** A file write would block a thread while nobody reads the pipe. */
function streamSink(fd: number): Sink {
  const socket = new Socket({ fd, readable: false, writable: true })
  // A failed write also gets the error through its callback.
  socket.on('error', () => {})
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        socket.write(bytes, (error) => (error ? reject(error) : resolve(bytes.length)))
      }),
    close: () => socket.destroy(),
  }
}

/** A file write would block a thread while the terminal takes nothing. */
function terminalSink(fd: number): Sink {
  // Opened again: `O_NONBLOCK` on the description that we share with the shell would hold for the
  // shell, too.
  const own = openSync(`/dev/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  const terminal = fileSink(own)
  let isClosed = false
  return {
    async write(bytes) {
      try {
        return await terminal.write(bytes)
      } catch (error) {
        const isFull = error instanceof Error && 'code' in error && error.code === 'EAGAIN'
        if (!isFull || isClosed) throw error
        await sleep(terminalPauseMs)
        return 0
      }
    },
    close: () => void (isClosed = true),
  }
}
