import { bindStore, findBinding } from './bound-store.ts'
import { countNotSound, listDueChunks, recordChecks } from './checks.ts'
import { countCommits, countCommitsFrom } from './commits.ts'
import { findChunk, listChunks, packChunks } from './chunks.ts'
import { collectChunks } from './collect-chunks.ts'
import { createFile, deleteFile, findFile, listFiles, searchFiles, updateFile } from './files.ts'
import { adoptOrphans, forgetGarbage, listGarbage, listUnknown } from './garbage.ts'
import { joinUploads } from './join-uploads.ts'
import { adoptRecords, forgetRecords, listEndedRecords, listRecords, replaceRecords } from './records.ts'
import { listManifests } from './list-manifests.ts'
import { recutUpload } from './recut-upload.ts'
import { addFound, endRestore, listFound, restoreRecord } from './restore.ts'
import type { Database } from './schema.ts'
import { checkLists, countCollectable, listAllChunks, listHolders, verify } from './survey.ts'
import {
  advanceUpload,
  appendUpload,
  createUpload,
  declareUploadSize,
  declineUpload,
  deleteUpload,
  findUpload,
  finishUploads,
  listExpiredUploads,
  listUploads,
} from './uploads.ts'

/** What the writer's thread does. */
export const writes = {
  bindStore,
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
  declineUpload,
  deleteUpload,
  collectChunks,
  adoptOrphans,
  forgetGarbage,
  recordChecks,
  forgetRecords,
  adoptRecords,
  replaceRecords,
  addFound,
  restoreRecord,
  countCommitsFrom,
  endRestore,
}

/** What the reader's thread does. */
export const reads = {
  findBinding,
  verify,
  countCommits,
  findFile,
  listFiles,
  searchFiles,
  listChunks,
  packChunks,
  findChunk,
  findUpload,
  listUploads,
  listExpiredUploads,
  listGarbage,
  listUnknown,
  listAllChunks,
  listHolders,
  checkLists,
  listManifests,
  countCollectable,
  listDueChunks,
  countNotSound,
  listRecords,
  listEndedRecords,
  listFound,
}

export type Writes = typeof writes
export type Reads = typeof reads

/** What comes behind the database. */
export type Arguments<Method> = Method extends (db: Database, ...args: infer Rest) => unknown ? Rest : never
