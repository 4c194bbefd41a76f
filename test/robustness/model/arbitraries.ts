import fc from 'fast-check'
import { Alone, Faulted, Together, type PlannedFault } from './commands.ts'
import type { Condition, Operation } from './operation.ts'
import { contents } from './state.ts'
import type { CatalogFault } from '../../support/faulty-catalog.ts'

const name = fc.constantFrom('a', 'd/e', 'd/f')
const content = fc.nat(contents.length - 1)
const withBytes = fc.integer({ min: 1, max: contents.length - 1 })
const slot = fc.nat(1)
const condition: fc.Arbitrary<Condition> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Condition>('none') },
  { weight: 1, arbitrary: fc.constantFrom<Condition>('absent', 'present') },
  { weight: 1, arbitrary: fc.record({ isContent: content }) },
)
const claim = fc.constantFrom('none', 'none', 'right', 'wrong')
const position = fc.nat(160_000)

const put = fc.record({
  do: fc.constant('put'),
  name,
  content,
  isChunked: fc.boolean(),
  condition,
  digest: claim,
})
const form = fc
  .uniqueArray(name, { minLength: 1, maxLength: 2 })
  .chain((names) => fc.tuple(...names.map((one) => fc.tuple(fc.constant(one), content))))
  .map((files) => ({ do: 'form', files }))
const get = fc.record(
  {
    do: fc.constant('get'),
    method: fc.constantFrom('GET', 'GET', 'HEAD'),
    name,
    range: fc.tuple(position, position).map(([one, other]) => [Math.min(one, other), Math.max(one, other)]),
    unlessContent: content,
  },
  { requiredKeys: ['do', 'method', 'name'] },
)
const remove = fc.record({ do: fc.constant('delete'), name, condition })
const metadata = fc.dictionary(fc.constantFrom('k', 'l'), fc.constantFrom('', 'x', 'ü'), {
  noNullPrototype: true,
})
const change = fc.oneof(
  fc.record({ do: fc.constant('change'), name, to: name, condition }),
  fc.record({ do: fc.constant('change'), name, metadata, condition }),
)
const all = fc.constant({ do: 'list', prefix: '', limit: 1000 })
const list = fc.record(
  {
    do: fc.constant('list'),
    prefix: fc.constantFrom('', 'd', 'd/'),
    delimiter: fc.constantFrom('/', 'e'),
    limit: fc.constantFrom(1, 2, 1000),
  },
  { requiredKeys: ['do', 'prefix', 'limit'] },
)
const create = fc.oneof(
  fc.record({
    do: fc.constant('create'),
    slot,
    dialect: fc.constant('tus'),
    name,
    content: withBytes,
    isPartial: fc.boolean(),
  }),
  fc.record({
    do: fc.constant('create'),
    slot,
    dialect: fc.constant('draft'),
    name,
    content: withBytes,
    isPartial: fc.constant(false),
  }),
)
const append = fc.record({
  do: fc.constant('append'),
  slot,
  bytes: fc.constantFrom(1, 700, 65_536, 100_000, 1_000_000, 1_000_000),
  checksum: claim,
})
const terminate = fc.record({ do: fc.constant('terminate'), slot })
const join = fc.record({
  do: fc.constant('join'),
  slots: fc.uniqueArray(slot, { minLength: 1, maxLength: 2 }),
  name,
})
const upkeep = fc.constantFrom({ do: 'collect' }, { do: 'scrub' })
const restart = fc.constant({ do: 'restart' })
const flip = fc.record({ do: fc.constant('flip'), name, at: fc.constantFrom(0, 0.5, 0.99) })

const kind = fc.constantFrom<'refuse' | 'lose-reply'>('refuse', 'lose-reply')
const call = fc.constantFrom(1, 1, 2)
const inCatalog = (...methods: readonly CatalogFault['on'][]) =>
  fc.record({
    in: fc.constant('catalog' as const),
    fault: fc.record({ on: fc.constantFrom(...methods), call: fc.constant(1), kind }),
  })
const putFault = fc.record({
  in: fc.constantFrom('chunks' as const, 'manifests' as const),
  fault: fc.record({
    on: fc.constant('put' as const),
    call,
    kind: fc.constantFrom<'refuse' | 'no-space' | 'tear' | 'fail-sync'>(
      'refuse',
      'no-space',
      'tear',
      'fail-sync',
    ),
  }),
})
const lostManifest = fc.record({
  in: fc.constant('manifests' as const),
  fault: fc.record({ on: fc.constantFrom('put' as const, 'delete' as const), call: fc.constant(1), kind }),
})
const badRead = fc.record({
  in: fc.constant('chunks' as const),
  fault: fc.record({
    on: fc.constant('read' as const),
    call,
    kind: fc.constantFrom<'refuse' | 'flip-bit'>('refuse', 'flip-bit'),
  }),
})

/** An operation, and what can go wrong where it comes by. */
const faulted = (operation: fc.Arbitrary<object>, ...faults: readonly fc.Arbitrary<PlannedFault>[]) =>
  fc.tuple(operation, fc.oneof(...faults)).map(([each, planned]) => new Faulted(each as Operation, planned))

const kinds = [put, form, get, remove, change, list, create, append, terminate, join, upkeep, restart, flip]
/** Without more of these nothing much would be there. */
const often = [put, get, create, append, append, append, join]
const atOnce = fc
  .array(fc.oneof(put, put, form, get, remove, change, all, append, terminate, upkeep), {
    minLength: 2,
    maxLength: 4,
  })
  .filter((operations) => hasNoSlotTwice(operations as readonly Operation[]))

/** Everything that a run is made of. */
export const commands = [
  ...[...kinds, ...often].map((operation: fc.Arbitrary<object>) =>
    operation.map((each) => new Alone(each as Operation)),
  ),
  faulted(put, inCatalog('createFile')),
  faulted(put, putFault, lostManifest, badRead, inCatalog('findChunk')),
  faulted(form, inCatalog('createUpload', 'advanceUpload', 'finishUploads')),
  faulted(form, putFault, lostManifest),
  faulted(append, inCatalog('advanceUpload', 'finishUploads')),
  faulted(append, putFault, lostManifest, badRead, inCatalog('findUpload', 'appendUpload')),
  faulted(change, putFault, lostManifest, inCatalog('findFile', 'listManifestPages', 'updateFile')),
  faulted(remove, lostManifest, inCatalog('deleteFile')),
  faulted(get, badRead, inCatalog('findFile', 'listChunks')),
  faulted(create, inCatalog('createUpload')),
  faulted(join, lostManifest, inCatalog('concatenateUploads', 'finishUploads')),
  ...[1, 2, 3, 4].map(() => atOnce.map((operations) => new Together(operations as readonly Operation[]))),
]

/**
 * Who is second to append is sent away, or ends the first: both are right, and have tests of their
 * own.
 */
function hasNoSlotTwice(operations: readonly Operation[]): boolean {
  const slots = operations.flatMap((operation) => ('slot' in operation ? [operation.slot] : []))
  return new Set(slots).size === slots.length
}
