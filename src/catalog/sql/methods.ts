import { bindStore, findBinding } from './bound-store.ts'
import { countNotSound, listDueChunks, saveChecks } from './checks.ts'
import { listChunks, packChunks } from './chunk-lists.ts'
import { collectChunks, countCollectable } from './collect-chunks.ts'
import { findFile } from './file-rows.ts'
import { createFile, deleteFile, listFiles, searchFiles, updateFile } from './files.ts'
import { finishUploads } from './finish-uploads.ts'
import { markOrphans, forgetGarbage, listGarbage, listUnknown } from './garbage.ts'
import { concatenateUploads } from './segments.ts'
import type { EngineMethods, Methods } from './method-table.ts'
import {
  markUnknownManifests,
  forgetManifests,
  listUnlinkedManifests,
  listFileManifests,
  listManifestPages,
  replaceManifests,
} from './manifests.ts'
import { addCandidates, endRestore, listCandidates, restoreManifest } from './restore.ts'
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
  markUnknownManifests,
  forgetManifests,
  listChunks,
  packChunks,
  findChunk,
  createUpload: uploads.createUpload,
  findUpload: uploads.findUpload,
  declareUploadSize: uploads.declareUploadSize,
  advanceUpload: uploads.advanceUpload,
  appendUpload: uploads.appendUpload,
  markPreconditionFailed: uploads.markPreconditionFailed,
  deleteUpload: uploads.deleteUpload,
  listUploads: uploads.listUploads,
  listExpiredUploads: uploads.listExpiredUploads,
  concatenateUploads,
  compactUpload: uploads.compactUpload,
  finishUploads,
  collectChunks,
  markOrphans,
  listGarbage,
  forgetGarbage,
  listAllChunks,
  listHolders,
  checkLists,
  listFileManifests,
  listUnknown,
  countCollectable,
  listDueChunks,
  saveChecks,
  countNotSound,
  addCandidates,
  listCandidates,
  restoreManifest,
  endRestore,
}
