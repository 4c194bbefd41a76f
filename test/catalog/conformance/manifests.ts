import { expect, it } from 'vitest'
import type { Catalog } from '../../../src/catalog/catalog.ts'
import type { ListedManifest } from '../../../src/catalog/upkeep.ts'
import type { Location } from '../../../src/model/chunk.ts'
import type { FileId } from '../../../src/model/file.ts'
import {
  aChunk,
  aDigest,
  aFile,
  aLocation,
  anId,
  aSpace,
  anUpload,
  inAMinute,
  named,
  outcomeOf,
} from '../fixtures.ts'

const soon = () => Date.now() + 1000

/** An id that sorts before this one, and behind those of files that are a moment older. */
const justBefore = (id: FileId) => `${id.slice(0, 24)}000000000000` as FileId

export function describeManifests(opened: () => Catalog): void {
  const ended = async (locations: readonly Location[]) => {
    const all = await opened().listUnlinkedManifests(100_000)
    return locations.filter((location) => all.includes(location))
  }

  it('are kept with a file, in order, and their time is the file’s', async () => {
    const manifest = { at: soon(), locations: [aLocation(), aLocation(), aLocation()] }
    const given = aFile(aSpace(), 'x', { manifest })
    const { file, unlinkedManifests: none } = await opened().createFile(given)
    expect(file).toMatchObject({ createdAt: manifest.at, modifiedAt: manifest.at })
    expect(none).toEqual([])
    expect(await opened().listManifestPages(given.id)).toEqual(manifest.locations)
    expect(await ended(manifest.locations)).toEqual([])
  })

  it('tell when the file was created, if that was earlier', async () => {
    const space = aSpace()
    const [at, createdAt] = [soon(), 1000]
    const manifest = () => ({ at, createdAt, locations: [aLocation()] })
    const { file } = await opened().createFile(aFile(space, 'x', { manifest: manifest() }))
    expect(file).toMatchObject({ createdAt, modifiedAt: at })
    expect(await opened().findFile(space, { id: file.id })).toEqual(file)

    const { id } = await opened().createUpload(anUpload(space, 'y', { size: 10 }))
    await opened().advanceUpload(id, 0, [aChunk()], inAMinute())
    await opened().finishUploads([{ id, digest: aDigest(), manifest: manifest() }])
    expect(await opened().findFile(space, { id })).toMatchObject({ createdAt, modifiedAt: at })
  })

  it('end when the file is replaced or deleted, and are known until they are forgotten', async () => {
    const space = aSpace()
    const [first, second] = [aLocation(), aLocation()]
    await opened().createFile(aFile(space, 'x', { manifest: { at: soon(), locations: [first] } }))
    const later = await opened().createFile(
      aFile(space, 'x', { manifest: { at: soon(), locations: [second] } }),
    )
    expect(later.unlinkedManifests).toEqual([first])
    expect(await opened().deleteFile(space, { name: named('x') })).toEqual([second])
    expect(await ended([first, second])).toHaveLength(2)
    await opened().forgetManifests([first, second])
    expect(await ended([first, second])).toEqual([])
  })

  it('that it has never heard of are marked, and are garbage from that time on', async () => {
    const [live, gone, unheardOf] = [aLocation(), aLocation(), aLocation()]
    const space = aSpace()
    await opened().createFile(aFile(space, 'x', { manifest: { at: soon(), locations: [gone] } }))
    await opened().createFile(aFile(space, 'x', { manifest: { at: soon(), locations: [live] } }))
    const at = soon()
    expect(await opened().markUnknownManifests([live, gone, unheardOf], at)).toEqual([unheardOf])
    expect(await opened().markUnknownManifests([unheardOf], at)).toEqual([])
    expect(await opened().listUnlinkedManifests(100_000, at)).not.toContain(unheardOf)
    expect(await opened().listUnlinkedManifests(100_000, 0)).toContain(gone)
    expect(await opened().listUnlinkedManifests(100_000, at + 1)).toContain(unheardOf)
    await opened().forgetManifests([unheardOf])
    expect(await ended([unheardOf])).toEqual([])
  })

  it('are no orphans any more once a file comes with them', async () => {
    const location = aLocation()
    await opened().markUnknownManifests([location], 1000)
    const given = aFile(aSpace(), 'x', { manifest: { at: soon(), locations: [location] } })
    await opened().createFile(given)
    expect(await opened().listManifestPages(given.id)).toEqual([location])
    expect(await opened().listUnlinkedManifests(100_000)).not.toContain(location)
  })

  it('stay where a precondition fails', async () => {
    const space = aSpace()
    const [first, second] = [aLocation(), aLocation()]
    await opened().createFile(aFile(space, 'x', { manifest: { at: soon(), locations: [first] } }))
    const refused = aFile(space, 'x', {
      manifest: { at: soon(), locations: [second] },
      precondition: { ifNoneMatch: '*' },
    })
    expect(await outcomeOf(opened().createFile(refused))).toBe('precondition_failed')
    expect(await ended([first])).toEqual([])
    expect(await opened().markUnknownManifests([first, second], soon())).toEqual([second])
  })

  it('are kept with an upload that becomes a file', async () => {
    const space = aSpace()
    const { id } = await opened().createUpload(anUpload(space, 'x', { size: 10 }))
    await opened().advanceUpload(id, 0, [aChunk()], inAMinute())
    const manifest = { at: soon(), locations: [aLocation()] }
    const [committed] = await opened().finishUploads([{ id, digest: aDigest(), manifest }])
    expect(committed?.file).toMatchObject({ createdAt: manifest.at, modifiedAt: manifest.at })
    expect(await opened().listManifestPages(id)).toEqual(manifest.locations)
  })

  it('move once when two calls move the same', async () => {
    const space = aSpace()
    const [from, rest, to, lost] = [aLocation(), aLocation(), aLocation(), aLocation()]
    const { file } = await opened().createFile(
      aFile(space, 'x', { manifest: { at: soon(), locations: [from, rest] } }),
    )
    const at = file.modifiedAt + 1
    const move = (target: Location) =>
      opened().updateFile(space, { id: file.id }, { mediaType: 'a/b' }, undefined, { at, from, to: target })
    expect(await move(to)).toMatchObject({ modifiedAt: at, createdAt: file.createdAt })
    expect(await outcomeOf(move(lost))).toBe('manifest_moved')
    expect(await opened().listManifestPages(file.id)).toEqual([to, rest])
    expect(await ended([from, to, rest])).toEqual([from])
    expect(await opened().markUnknownManifests([lost], soon())).toEqual([lost])
  })

  /** The entries of these files and younger ones, a page of two files at a time. */
  const manifestsOf = async (...ids: readonly FileId[]) => {
    const listed: ListedManifest[] = []
    const [first] = ids.toSorted()
    for (let after: FileId | undefined = justBefore(first!); ;) {
      const page = await opened().listFileManifests(after, 2)
      expect(page.length).toBeLessThanOrEqual(2)
      listed.push(...page)
      after = page.at(-1)?.id
      if (after === undefined) break
    }
    expect(listed.map(({ id }) => id)).toEqual(listed.map(({ id }) => id).toSorted())
    return listed.filter(({ id }) => ids.includes(id))
  }

  it('are listed with every file, of whichever space, in the order of ids', async () => {
    const locations = [aLocation(), aLocation()]
    const metadata = { author: 'Ada' }
    const given = { metadata, manifest: { at: soon(), locations } }
    const { file: one } = await opened().createFile(aFile(aSpace(), 'one', given))
    const { file: two } = await opened().createFile(aFile(aSpace(), 'two'))
    const space = aSpace()
    const { file: gone } = await opened().createFile(aFile(space, 'gone'))
    await opened().deleteFile(space, { id: gone.id })
    expect(await opened().listFileManifests(undefined, 1)).toHaveLength(1)
    expect(await manifestsOf(one.id, two.id, gone.id)).toEqual([
      { id: one.id, name: 'one', file: one, locations },
      { id: two.id, name: 'two', file: two, locations: [] },
    ])
  })

  it('are replaced together, and those before are garbage', async () => {
    const [first, second, third] = [aLocation(), aLocation(), aLocation()]
    const given = aFile(aSpace(), 'x', { manifest: { at: soon(), locations: [first] } })
    const { file } = await opened().createFile(given)
    await opened().replaceManifests(file.id, [first], [second, third])
    expect(await manifestsOf(file.id)).toEqual([{ id: file.id, name: 'x', file, locations: [second, third] }])
    expect(await ended([first, second, third])).toEqual([first])
    await opened().replaceManifests(file.id, [second, third], [])
    expect(await opened().listManifestPages(file.id)).toEqual([])
    await opened().replaceManifests(file.id, [], [aLocation()])
    expect(await opened().listManifestPages(file.id)).toHaveLength(1)
  })

  it('are not replaced where they have moved, or where the file is gone', async () => {
    const space = aSpace()
    const [from, rest, to, lost] = [aLocation(), aLocation(), aLocation(), aLocation()]
    const manifest = { at: soon(), locations: [from, rest] }
    const { file } = await opened().createFile(aFile(space, 'x', { manifest }))
    const { id } = file
    const replace = (before: readonly Location[]) => outcomeOf(opened().replaceManifests(id, before, [lost]))
    const at = file.modifiedAt + 1
    await opened().updateFile(space, { id }, {}, undefined, { at, from, to })
    for (const before of [[from, rest], [to], [rest, to], [to, rest, lost], []])
      expect(await replace(before)).toBe('manifest_moved')
    expect(await opened().listManifestPages(id)).toEqual([to, rest])
    await opened().deleteFile(space, { id })
    expect(await replace([])).toBe('manifest_moved')
    expect(await replace([to, rest])).toBe('manifest_moved')
    expect(await opened().markUnknownManifests([lost], soon())).toEqual([lost])
  })

  it('of a live file are not forgotten', async () => {
    const location = aLocation()
    const given = aFile(aSpace(), 'x', { manifest: { at: soon(), locations: [location] } })
    await opened().createFile(given)
    await opened().forgetManifests([location])
    expect(await opened().listManifestPages(given.id)).toEqual([location])
  })

  it('are none of a file that has none, or is not there', async () => {
    const given = aFile(aSpace(), 'x')
    await opened().createFile(given)
    expect(await opened().listManifestPages(given.id)).toEqual([])
    expect(await opened().listManifestPages(anId())).toEqual([])
  })
}
