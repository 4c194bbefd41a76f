import { stripVTControlCharacters, styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

interface Line {
  readonly level: number
  readonly time: string
  readonly msg?: string
  readonly err?: { readonly stack?: string }
  readonly [field: string]: unknown
}

interface RequestFields {
  readonly client: string
  readonly method: string
  readonly url: string
  readonly status: number
  readonly ms: number
  readonly isComplete: boolean
  readonly code?: string
  readonly detail?: string
}

const levels: Readonly<Record<number, readonly [string, Style]>> = {
  10: ['TRACE', 'dim'],
  20: ['DEBUG', 'dim'],
  30: ['INFO ', 'green'],
  40: ['WARN ', 'yellow'],
  50: ['ERROR', 'red'],
  60: ['FATAL', 'red'],
}

/**
 * Makes of a line of JSON one for people: time, level, what it says, and the other fields; a stack
 * goes below.
 */
export function readableLine(isColored: boolean): (json: string) => string {
  return (json) => {
    const { level, time, msg = '', err, ...fields } = JSON.parse(json) as Line
    const [name, style] = levels[level] ?? [String(level), 'reset']
    const colored = isColored ? styleText(style, name, { validateStream: false }) : name
    const what =
      msg === 'request' ? requestText(fields) : [msg, ...Object.entries(fields).map(fieldText)].join(' ')
    const stack = err?.stack === undefined ? '' : `\n${printable(err.stack).replaceAll(/^/gm, '    ')}`
    return `${localTime(time)} ${colored} ${printable(what).replaceAll('\n', ' ')}${stack}\n`
  }
}

function requestText(fields: Readonly<Record<string, unknown>>): string {
  const { client, method, url, status, ms, isComplete, code, detail } = fields as unknown as RequestFields
  const how = isComplete ? '' : ' (broken off)'
  const problem = code === undefined ? '' : ` ${code}: ${detail}`
  return `${client} ${method} ${url} ${status} ${ms} ms${how}${problem}`
}

function fieldText([name, value]: readonly [string, unknown]): string {
  return `${name}=${typeof value === 'string' && /^\S+$/.test(value) ? value : JSON.stringify(value)}`
}

/** What a terminal would obey must not come from a request. */
function printable(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/[^\P{Cc}\n]/gu, '?')
}

const two = (value: number) => String(value).padStart(2, '0')

function localTime(time: string): string {
  const date = new Date(time)
  const ms = String(date.getMilliseconds()).padStart(3, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`
}
