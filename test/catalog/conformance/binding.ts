import { expect, it } from 'vitest'
import type { Catalog } from '../../../src/catalog/catalog.ts'
import { newStoreId } from '../../../src/model/store-identity.ts'

export function describeBinding(opened: () => Catalog): void {
  it('to a store is made once, and confirmed for that store alone', async () => {
    const catalog = opened()
    const [first, second] = await Promise.all([
      catalog.bindStore({ id: newStoreId(), isConfirmed: false }),
      catalog.bindStore({ id: newStoreId(), isConfirmed: false }),
    ])
    expect(second).toEqual(first)
    expect(await catalog.bindStore({ id: newStoreId(), isConfirmed: true })).toEqual(first)
    const confirmed = { id: first.id, isConfirmed: true }
    expect(await catalog.bindStore(confirmed)).toEqual(confirmed)
    expect(await catalog.bindStore({ ...confirmed, isConfirmed: false })).toEqual(confirmed)
    expect(await catalog.findBinding()).toEqual(confirmed)
  })
}
