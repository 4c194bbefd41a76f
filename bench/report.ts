import type { Row } from './row.ts'

/** Whether the row reaches its target; undefined if it has none. */
export function holds({ ours, ratio = ours, target }: Row): boolean | undefined {
  if (!target) return undefined
  return 'atLeast' in target ? ratio >= target.atLeast : ratio <= target.atMost
}

/** A table in Markdown, aligned to be read in a terminal as well. */
export function tableOf(rows: readonly Row[]): string {
  const head = ['work', 'ours', 'against', 'theirs', 'ratio (quartiles)', 'target', 'holds']
  const cells = rows.map((row) => [
    row.work,
    figure(row.ours, row.unit),
    row.against,
    row.theirs === undefined ? '' : figure(row.theirs, row.unit),
    describeRatio(row),
    describeTarget(row),
    { true: 'yes', false: 'NO', undefined: '' }[`${holds(row)}`],
  ])
  const widths = head.map((_, column) => Math.max(...[head, ...cells].map((row) => row[column]!.length)))
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join('\n')
}

export function describeTarget({ target, ratio, unit }: Row): string {
  if (!target) return ''
  const [sign, value] = 'atLeast' in target ? ['≥', target.atLeast] : ['≤', target.atMost]
  return `${sign} ${ratio === undefined ? figure(value, unit) : value}`
}

export function figure(value: number, unit: string): string {
  return `${threeDigits(value)} ${unit}`
}

export function threeDigits(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(3)))
}

function describeRatio({ ratio, spread }: Row): string {
  if (ratio === undefined) return ''
  return spread ? `${ratio.toFixed(2)} (${spread[0].toFixed(2)}–${spread[1].toFixed(2)})` : ratio.toFixed(2)
}
