import { comparison, interleaved, type Measure } from '../interleaved.ts'
import type { Row, RunScale, Target } from '../row.ts'
import { ManyFiles } from './many-files.ts'

interface Work {
  readonly work: string
  readonly run: (files: ManyFiles) => Promise<void>
  /** That are measured together. */
  readonly times: number
  readonly target?: Target
}

const works: readonly Work[] = [
  {
    work: 'open and first byte',
    run: (files) => files.readFirstByte(),
    times: 300,
    target: { atMost: 1.2 },
  },
  { work: 'list a hundred files from anywhere on', run: (files) => files.listFrom(), times: 100 },
  { work: 'list the first ten folders', run: (files) => files.listFolders(), times: 100 },
  { work: 'list a folder of a hundred', run: (files) => files.listFolder(), times: 100 },
  { work: 'search names, which looks at all', run: (files) => files.search(), times: 1 },
]

/** What it costs that there are many files, without HTTP. */
export function scaleInProcess({ isShort }: RunScale): Promise<readonly Row[]> {
  const few = 1000
  const many = isShort ? 20_000 : 1_000_000
  const rounds = isShort ? { rounds: 1 } : { rounds: 21 }
  return ManyFiles.with(few, (amongFew) =>
    ManyFiles.with(many, async (amongMany) => {
      const rows: Row[] = []
      for (const { work, run, times, target } of works) {
        const measures = {
          many: usOf(() => run(amongMany), times),
          few: usOf(() => run(amongFew), times),
        }
        rows.push(
          comparison(await interleaved(measures, rounds), 'many', 'few', {
            suite: 'scale',
            work: `${work}, among ${many.toLocaleString('en')} files`,
            against: `among ${few.toLocaleString('en')}`,
            unit: 'µs',
            ...(target && { target }),
          }),
        )
      }
      return rows
    }),
  )
}

function usOf(run: () => Promise<void>, times: number): Measure {
  return async () => {
    const begun = performance.now()
    for (let again = 0; again < times; again++) await run()
    return ((performance.now() - begun) * 1000) / times
  }
}
