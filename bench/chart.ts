import { describeTarget, figure, holds } from './report.ts'
import type { Row, Target } from './row.ts'
import type { Run } from './run-suites.ts'

const width = 960
const rowHeight = 34
const headHeight = 40
const top = 56
/** Where bars may be, from left to right. */
const plot = { from: 430, to: 800 }

const style = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .suite { font-weight: 600 }
  .quiet { fill: #636c76; font-size: 11px }
  .axis { stroke: #636c76; stroke-width: 1 }
  .grid { stroke: #d1d9e0; stroke-width: 1 }
  .target { stroke: #1f2328; stroke-width: 2.5 }
  .spread { stroke: #1f2328; stroke-opacity: 0.55; stroke-width: 1.5 }
  .held { fill: #2da44e }
  .missed { fill: #d1663c }
  .paper { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .quiet { fill: #9198a1 }
    .axis { stroke: #9198a1 }
    .grid { stroke: #3d444d }
    .target, .spread { stroke: #f0f6fc }
    .held { fill: #3fb950 }
    .missed { fill: #db7d4c }
    .paper { fill: #0d1117 }
  }`

type Compared = Row & { readonly ratio: number; readonly target: Target }

/**
 * The ratios of a run as an SVG that needs nothing else: on a logarithmic scale, a bar from 1 to
 * each, a line for its quartiles and a tick where its target is. Rows without a ratio or a target
 * are left out.
 */
export function chartOf({ command, at, machine, rows }: Run): string {
  const compared = rows.filter((row): row is Compared => row.ratio !== undefined && row.target !== undefined)
  const scale = scaleFor(compared)
  const parts: string[] = []
  let y = top
  for (const [suite, ofSuite] of Map.groupBy(compared, (row) => row.suite)) {
    parts.push(text(16, y + 26, suite, 'suite'))
    y += headHeight
    for (const row of ofSuite) {
      parts.push(barOf(row, y, scale))
      y += rowHeight
    }
  }
  const height = y + 40
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escape(`Ratios measured by ${command}`)}</title>`,
    `<style>${style}\n</style>`,
    `<rect class="paper" width="${width}" height="${height}" rx="6"/>`,
    text(16, 28, 'Ours to theirs', 'title'),
    text(16, 46, `${command}, ${at.slice(0, 10)}; ${machine}`, 'quiet'),
    ...scale.ticks.map((tick) => gridLine(tick, y, scale)),
    ...parts,
    '</svg>\n',
  ].join('\n')
}

interface Scale {
  readonly x: (ratio: number) => number
  readonly ticks: readonly number[]
}

/** Powers of two around everything that is to be seen. */
function scaleFor(rows: readonly Compared[]): Scale {
  const seen = rows.flatMap(({ ratio, target }) => [ratio, boundOf(target)])
  const exponents = seen.filter((value) => value > 0).map(Math.log2)
  const low = Math.floor(Math.min(-1, ...exponents))
  const high = Math.ceil(Math.max(1, ...exponents))
  const perExponent = (plot.to - plot.from) / (high - low)
  const step = Math.ceil((high - low) / 8)
  const ticks = Array.from({ length: high - low + 1 }, (_, index) => low + index)
  return {
    x: (ratio) => plot.from + (Math.max(low, Math.log2(ratio)) - low) * perExponent,
    ticks: ticks.filter((exponent) => exponent % step === 0).map((exponent) => 2 ** exponent),
  }
}

function barOf(row: Compared, y: number, { x }: Scale): string {
  const { work, against, ratio, spread, target, ours, theirs, unit } = row
  const isHeld = holds(row)
  const kind = isHeld ? 'held' : 'missed'
  const [from, to] = [Math.min(x(1), x(ratio)), Math.max(x(1), x(ratio))]
  const middle = y + 14
  const figures =
    theirs === undefined ? figure(ours, unit) : `${figure(ours, unit)} : ${figure(theirs, unit)}`
  const verdict = isHeld ? '✓' : '✗'
  return [
    text(16, y + 12, work),
    text(16, y + 26, `against ${against}`, 'quiet'),
    `<rect class="${kind}" x="${px(from)}" y="${y + 6}" width="${px(Math.max(1, to - from))}" height="16" rx="2"/>`,
    spread && line(x(spread[0]), middle, x(spread[1]), middle, 'spread'),
    targetTick(boundOf(target), y, x),
    text(812, y + 12, `${verdict} ${ratio.toFixed(2)} (${describeTarget(row)})`),
    text(812, y + 26, figures, 'quiet'),
  ]
    .filter(Boolean)
    .join('\n')
}

function boundOf(target: Target): number {
  return 'atLeast' in target ? target.atLeast : target.atMost
}

function targetTick(value: number, y: number, x: Scale['x']): string {
  return line(x(value), y + 2, x(value), y + 26, 'target')
}

function gridLine(tick: number, bottom: number, { x }: Scale): string {
  const label = tick < 1 ? `1/${1 / tick}` : String(tick)
  return [
    line(x(tick), top + 8, x(tick), bottom + 4, tick === 1 ? 'axis' : 'grid'),
    `<text class="quiet" text-anchor="middle" x="${px(x(tick))}" y="${bottom + 20}">${label}</text>`,
  ].join('\n')
}

function text(x: number, y: number, content: string, kind?: string): string {
  return `<text${kind ? ` class="${kind}"` : ''} x="${x}" y="${y}">${escape(content)}</text>`
}

function line(x1: number, y1: number, x2: number, y2: number, kind: string): string {
  return `<line class="${kind}" x1="${px(x1)}" y1="${px(y1)}" x2="${px(x2)}" y2="${px(y2)}"/>`
}

function px(value: number): string {
  return value.toFixed(1)
}

function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
