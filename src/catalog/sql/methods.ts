import { bindStore, findBinding } from './bound-store.ts'
import { countNotSound, listDueChunks, recordChecks } from './checks.ts'
import { listChunks, packChunks } from './chunk-lists.ts'
import { collectChunks, countCollectable } from './collect-chunks.ts'
import { findFile } from './file-rows.ts'
import { createFile, deleteFile, listFiles, searchFiles, updateFile } from './files.ts'
import { finishUploads } from './finish-uploads.ts'
import { adoptOrphans, forgetGarbage, listGarbage, listUnknown } from './garbage.ts'
import { joinUploads } from './segments.ts'
import type { EngineMethods, Methods } from './method-table.ts'
import {
  adoptRecords,
  forgetRecords,
  listEndedRecords,
  listManifests,
  listRecords,
  replaceRecords,
} from './records.ts'
import { addFound, endRestore, listFound, restoreRecord } from './restore.ts'
import { checkLists, listAllChunks, listHolders } from './inspection.ts'
import * as uploads from './uploads.ts'
import { findChunk } from './use-chunks.ts'

/** What both engines share. */
export const methods: Omit<Methods, keyof EngineMethods> = {
  findBinding,
  bindStore,
  createFile,
  findFile,
  listFiles,
  searchFiles,
  updateFile,
  deleteFile,
  listRecords,
  replaceRecords,
  listEndedRecords,
  adoptRecords,
  forgetRecords,
  listChunks,
  packChunks,
  findChunk,
  createUpload: uploads.createUpload,
  findUpload: uploads.findUpload,
  declareUploadSize: uploads.declareUploadSize,
  advanceUpload: uploads.advanceUpload,
  appendUpload: uploads.appendUpload,
  declineUpload: uploads.declineUpload,
  deleteUpload: uploads.deleteUpload,
  listUploads: uploads.listUploads,
  listExpiredUploads: uploads.listExpiredUploads,
  joinUploads,
  recutUpload: uploads.recutUpload,
  finishUploads,
  collectChunks,
  adoptOrphans,
  listGarbage,
  forgetGarbage,
  listAllChunks,
  listHolders,
  checkLists,
  listManifests,
  listUnknown,
  countCollectable,
  listDueChunks,
  recordChecks,
  countNotSound,
  addFound,
  listFound,
  restoreRecord,
  endRestore,
}
