import { fstatSync, write } from 'node:fs'
import { Socket } from 'node:net'

/** Where bytes go, one write at a time. */
export interface Sink {
  /** Resolves with how many bytes were taken, which may be fewer than were given. */
  write(bytes: Buffer): Promise<number>
  /** Gives up a write that is under way. */
  close(): void
}

/** Never blocks the event loop, and holds no thread for longer than a disk takes. */
export function openSink(fd: number): Sink {
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

/** A write to a pipe that nobody reads would hold a thread, and the process could not end before it does. */
function streamSink(fd: number): Sink {
  const socket = new Socket({ fd, readable: false, writable: true })
  // Each write that fails is told of it.
  socket.on('error', () => {})
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        socket.write(bytes, (error) => (error ? reject(error) : resolve(bytes.length)))
      }),
    close: () => socket.destroy(),
  }
}
