import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { failureOf } from '../../../src/catalog/sqlite/failures.ts'
import { GroupCommit, type Outcome } from '../../../src/catalog/sqlite/group-commit.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

let database: DatabaseSync
let commits: GroupCommit
let path: string

beforeEach(async () => {
  path = join(await temporaryDirectory(), 'test.db')
  database = new DatabaseSync(path)
  onTestFinished(() => database.close())
  database.exec('pragma journal_mode = wal; pragma synchronous = full')
  database.exec('create table parents (id integer primary key, payload blob) strict')
  database.exec(
    'create table children (parent integer references parents (id) deferrable initially deferred) strict',
  )
  commits = new GroupCommit(database)
})

const insert =
  (id: number, bytes = 0) =>
  async () => {
    database.prepare('insert into parents values (?, ?)').run(id, Buffer.alloc(bytes))
    return id
  }

function failureIn(outcome: Outcome) {
  return outcome.status === 'rejected' ? failureOf(outcome.reason, outcome.isUndone) : undefined
}

/** What somebody else sees, that is what is committed. */
function committedIds(): readonly unknown[] {
  const other = new DatabaseSync(path)
  try {
    return other
      .prepare('select id from parents order by id')
      .all()
      .map(({ id }) => id)
  } finally {
    other.close()
  }
}

const orphan = async () => database.exec('insert into children values (99)')

const statusOf = ({ status }: { readonly status: string }) => status

it('commits many pieces of work once, and gives each its outcome', async () => {
  const ids = Array.from({ length: 100 }, (_, index) => index)
  const outcomes = await commits.run(ids.map((id) => insert(id)))
  expect(outcomes).toEqual(ids.map((value) => ({ status: 'fulfilled', value })))
  expect(commits.committed).toBe(1)
  expect(committedIds()).toEqual(ids)
})

it('undoes work that rejects, whole and alone', async () => {
  const outcomes = await commits.run([
    insert(1),
    async () => {
      await insert(2)()
      throw new Error('half done')
    },
    insert(1),
    insert(3),
  ])
  expect(outcomes.map(statusOf)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
  expect(outcomes[1]).toMatchObject({ reason: { message: 'half done' } })
  expect(committedIds()).toEqual([1, 3])
})

it('rejects all if the commit is refused, undoes all, and goes on', async () => {
  const outcomes = await commits.run([insert(1), orphan, insert(2)])
  expect(outcomes.map(failureIn)).toMatchObject([
    { isRefusal: true },
    { isRefusal: true },
    { isRefusal: true },
  ])
  expect(commits.committed).toBe(0)
  expect(committedIds()).toEqual([])
  expect((await commits.run([insert(1)])).map(statusOf)).toEqual(['fulfilled'])
  expect(committedIds()).toEqual([1])
})

it('rejects all if the transaction cannot begin', async () => {
  const other = new DatabaseSync(path)
  onTestFinished(() => other.close())
  other.exec('begin immediate')
  const outcomes = await commits.run([insert(1), insert(2)])
  expect(outcomes.map(failureIn)).toMatchObject([
    { code: 'unavailable', isRefusal: true },
    { code: 'unavailable', isRefusal: true },
  ])
  other.exec('rollback')
  expect((await commits.run([insert(1)])).map(statusOf)).toEqual(['fulfilled'])
})

it('keeps its word when the database is full: what was rejected is undone, what was not is there', async () => {
  database.exec('pragma max_page_count = 20')
  const outcomes = await commits.run([insert(1), insert(2, 1_000_000), insert(3)])
  const fulfilled = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  expect(committedIds()).toEqual(fulfilled)
  expect(failureIn(outcomes[1]!)).toMatchObject({ code: 'no_space', isRefusal: true })
  database.exec('pragma max_page_count = 1000')
  expect((await commits.run([insert(4, 1_000_000)])).map(statusOf)).toEqual(['fulfilled'])
})
