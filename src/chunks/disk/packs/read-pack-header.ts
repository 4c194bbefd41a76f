import fs from 'node:fs'
import { callFs, isMediumError, isNoFile, readFully } from '../fs-calls.ts'
import {
  maxHeaderBytes,
  packHeaderBytes,
  parseLastPackHeader,
  parsePackHeader,
  type PackHeader,
} from './pack-header.ts'

/** A disk reads this much at once anyway, and most headers are shorter. */
const pageBytes = 4096

/**
 * Reads what a pack holds. Undefined if the disk has lost both the header and its copy at the end.
 * Rejects with the system's error.
 */
export async function readPackHeader(fd: number): Promise<PackHeader | undefined> {
  return (await readFirst(fd)) ?? readCopy(fd)
}

async function readFirst(fd: number): Promise<PackHeader | undefined> {
  // A single read: filling the page would only look for the end of a shorter pack.
  const page = await unlessLost(readOnce(fd, Buffer.allocUnsafe(pageBytes)))
  const length = page && packHeaderBytes(page)
  if (length === undefined) return undefined
  const bytes = length <= page!.length ? page : await unlessLost(readUpTo(fd, 0, length))
  return bytes && parsePackHeader(bytes)
}

async function readCopy(fd: number): Promise<PackHeader | undefined> {
  const { size } = await callFs<fs.Stats>((done) => fs.fstat(fd, done))
  const length = Math.min(size, maxHeaderBytes)
  const bytes = await unlessLost(readUpTo(fd, size - length, length))
  return bytes && parseLastPackHeader(bytes)
}

async function readOnce(fd: number, into: Buffer): Promise<Buffer> {
  return into.subarray(0, await callFs<number>((done) => fs.read(fd, into, 0, into.length, 0, done)))
}

async function readUpTo(fd: number, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  return bytes.subarray(0, await readFully(fd, offset, bytes, undefined))
}

/** Undefined if the disk has lost the bytes. */
async function unlessLost<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (isMediumError(error) || isNoFile(error)) return undefined
    throw error
  }
}
