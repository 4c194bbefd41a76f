import { afterAll, beforeAll, describe } from 'vitest'
import type { Catalog } from '../../src/catalog/catalog.ts'
import { describeChunks } from './conformance/chunks.ts'
import { describeCollection } from './conformance/collection.ts'
import { describeFiles } from './conformance/files.ts'
import { describeListing } from './conformance/listing.ts'
import { describePreconditions } from './conformance/preconditions.ts'
import { describeRaces } from './conformance/races.ts'
import { describeUploads } from './conformance/uploads.ts'

/** What every driver keeps of the promises of `Catalog`. One catalog serves all tests, as it would all requests. */
export function describeCatalog(name: string, open: () => Promise<Catalog>): void {
  describe(`catalog: ${name}`, () => {
    let catalog: Catalog
    beforeAll(async () => {
      catalog = await open()
    })
    afterAll(() => catalog.close())

    const opened = () => catalog
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
    describe('races', () => {
      describeRaces(opened)
    })
    describe('collection', () => {
      describeCollection(opened)
    })
  })
}
