import { findChunk, forgetGarbage, listChunks, listGarbage } from './chunks.ts'
import { collectChunks } from './collect-chunks.ts'
import { createFile, deleteFile, findFile, listFiles, updateFile } from './files.ts'
import { joinUploads } from './join-uploads.ts'
import { recutUpload } from './recut-upload.ts'
import type { Database } from './schema.ts'
import {
  advanceUpload,
  appendUpload,
  createUpload,
  declareUploadSize,
  deleteUpload,
  findUpload,
  finishUploads,
  listExpiredUploads,
  listUploads,
} from './uploads.ts'

/** What the writer's thread does. */
export const writes = {
  createFile,
  updateFile,
  deleteFile,
  createUpload,
  declareUploadSize,
  advanceUpload,
  appendUpload,
  joinUploads,
  recutUpload,
  finishUploads,
  deleteUpload,
  collectChunks,
  forgetGarbage,
}

/** What the reader's thread does. */
export const reads = {
  findFile,
  listFiles,
  listChunks,
  findChunk,
  findUpload,
  listUploads,
  listExpiredUploads,
  listGarbage,
}

export type Writes = typeof writes
export type Reads = typeof reads

/** What comes behind the database. */
export type Arguments<Method> = Method extends (db: Database, ...args: infer Rest) => unknown ? Rest : never
