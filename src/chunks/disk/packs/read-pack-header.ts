import fs from 'node:fs'
import { callFs, isMediumError, isNoFile, readFully } from '../fs-calls.ts'
import {
  maxHeaderBytes,
  packHeaderBytes,
  parseLastPackHeader,
  parsePackHeader,
  type PackHeader,
} from './pack-header.ts'

/** As much as one read brings in anyway; most headers are shorter. */
const pageBytes = 4096

/**
 * What a pack says that it holds; undefined if the disk has lost both the header and its copy at
 * the end. Rejects with what the system reports.
 */
export async function readPackHeader(fd: number): Promise<PackHeader | undefined> {
  return (await readFirst(fd)) ?? readCopy(fd)
}

async function readFirst(fd: number): Promise<PackHeader | undefined> {
  // To read on until the page is full would be to look for the end of a pack that is shorter.
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

/** Undefined where the disk has lost what was to be read. */
async function unlessLost<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (isMediumError(error) || isNoFile(error)) return undefined
    throw error
  }
}
