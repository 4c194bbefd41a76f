import type { Catalog } from './catalog.ts'
import { methodKinds } from './sql/method-table.ts'

type Methods = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>

/** The same catalog, with other methods of these names. Methods of a class cannot be spread. */
export function withMethods(catalog: Catalog, methods: Partial<Catalog>): Catalog {
  const inner = catalog as unknown as Methods
  const names = [...Object.keys(methodKinds), 'close']
  const passed = names.map((name) => [name, (...args: readonly unknown[]) => inner[name]!(...args)])
  return { ...(Object.fromEntries(passed) as Catalog), ...methods }
}
