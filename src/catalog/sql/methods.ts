import { bindStore, findBinding } from './bound-store.ts'
import { countNotSound, listDueChunks, manifestChecks } from './checks.ts'
import { listChunks, packChunks } from './chunk-lists.ts'
import { collectChunks, countCollectable } from './collect-chunks.ts'
import { findFile } from './file-rows.ts'
import { createFile, deleteFile, listFiles, searchFiles, updateFile } from './files.ts'
import { finishUploads } from './finish-uploads.ts'
import { adoptOrphans, forgetGarbage, listGarbage, listUnknown } from './garbage.ts'
import { joinUploads } from './segments.ts'
import type { EngineMethods, Methods } from './method-table.ts'
import {
  adoptManifests,
  forgetManifests,
  listUnlinkedManifests,
  listFileManifests,
  listManifestPages,
  replaceManifests,
} from './manifests.ts'
import { addFound, endRestore, listFound, restoreManifest } from './restore.ts'
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
  listManifestPages,
  replaceManifests,
  listUnlinkedManifests,
  adoptManifests,
  forgetManifests,
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
  listFileManifests,
  listUnknown,
  countCollectable,
  listDueChunks,
  manifestChecks,
  countNotSound,
  addFound,
  listFound,
  restoreManifest,
  endRestore,
}
