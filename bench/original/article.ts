import { comparison } from '../interleaved.ts'
import type { Row } from '../row.ts'
import { go, type Case, type MeasuredCase } from './measure-case.ts'
import { suite } from './experiment.ts'

/** A case in the columns of `go test -bench -benchmem`, which are those of the article. */
export function printAsArticle(title: string, { ns, mbPerS, allocatedBytes }: MeasuredCase): void {
  console.log(`\n${title}`)
  for (const way of ns.names) {
    const allocated = allocatedBytes[way]
    const columns = [
      `${ns.median(way).toFixed(0)} ns/op`,
      `${mbPerS.median(way).toFixed(2)} MB/s`,
      allocated === undefined ? '' : `${allocated.toFixed(0)} B/op`,
    ]
    console.log(`  ${way.padEnd(36)}${columns.map((column) => column.padStart(18)).join('')}`)
  }
}

/** Of each of our ways against Go. */
export function rowsOf(
  title: string,
  { kind, ways, targets }: Case,
  { mbPerS, allocatedBytes }: MeasuredCase,
): readonly Row[] {
  const against = kind === 'download' ? 'Go, capacity N' : 'Go, N workers'
  const rows: Row[] = []
  for (const way of Object.keys(ways)) {
    const described = { suite, work: `${title}, ${way}`, against, unit: 'MB/s' }
    const target = targets?.[way]
    rows.push(comparison(mbPerS, way, go, target ? { ...described, target } : described))
    const [ours, theirs] = [allocatedBytes[way], allocatedBytes[go]]
    if (ours === undefined || theirs === undefined) continue
    const work = `allocated for ${title}, ${way}`
    rows.push({
      suite,
      work,
      against,
      unit: 'MB',
      ours: ours / 1e6,
      theirs: theirs / 1e6,
      ratio: ours / theirs,
    })
  }
  return rows
}
