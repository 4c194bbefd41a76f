import { afterAll, beforeAll, describe } from 'vitest'
import type { Catalog } from '../../src/catalog/catalog.ts'
import { describeAppending } from './conformance/appending.ts'
import { describeBinding } from './conformance/binding.ts'
import { describeChecks } from './conformance/checks.ts'
import { describeChunks } from './conformance/chunks.ts'
import { describeCollection } from './conformance/collection.ts'
import { describeDeclaredSizes } from './conformance/declared-sizes.ts'
import { describeFiles } from './conformance/files.ts'
import { describeConcatenating } from './conformance/concatenating.ts'
import { describeListing } from './conformance/listing.ts'
import { describeOrphans } from './conformance/orphans.ts'
import { describePreconditions } from './conformance/preconditions.ts'
import { describeRaces } from './conformance/races.ts'
import { describeManifests } from './conformance/manifests.ts'
import { describeCompacting } from './conformance/compacting.ts'
import { describeRememberedUploads } from './conformance/remembered-uploads.ts'
import { describeInspection } from './conformance/inspection.ts'
import { describeUploadCollection } from './conformance/upload-collection.ts'
import { describeUploadRaces } from './conformance/upload-races.ts'
import { describeUploads } from './conformance/uploads.ts'

/**
 * What every driver keeps of the promises of `Catalog`. One catalog serves all tests, as it would
 * all requests.
 */
export function describeCatalog(name: string, open: () => Promise<Catalog>): void {
  describe(`catalog: ${name}`, () => {
    let catalog: Catalog
    beforeAll(async () => {
      catalog = await open()
    })
    afterAll(() => catalog.close())

    const opened = () => catalog
    describe('binding', () => {
      describeBinding(opened)
    })
    describe('files', () => {
      describeFiles(opened)
    })
    describe('preconditions', () => {
      describePreconditions(opened)
    })
    describe('listing', () => {
      describeListing(opened)
    })
    describe('chunks', () => {
      describeChunks(opened)
    })
    describe('uploads', () => {
      describeUploads(opened)
    })
    describe('declared sizes', () => {
      describeDeclaredSizes(opened)
    })
    describe('remembered uploads', () => {
      describeRememberedUploads(opened)
    })
    describe('appending', () => {
      describeAppending(opened)
    })
    describe('concatenating', () => {
      describeConcatenating(opened)
    })
    describe('compacting', () => {
      describeCompacting(opened)
    })
    describe('records', () => {
      describeManifests(opened)
    })
    describe('races', () => {
      describeRaces(opened)
      describeUploadRaces(opened)
    })
    describe('collection', () => {
      describeCollection(opened)
    })
    describe('orphans', () => {
      describeOrphans(opened)
    })
    describe('checks', () => {
      describeChecks(opened)
    })
    describe('inspection', () => {
      describeInspection(opened)
    })
    describe('collection beside uploads', () => {
      describeUploadCollection(opened)
    })
  })
}
