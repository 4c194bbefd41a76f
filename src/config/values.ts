import { isIP, BlockList } from 'node:net'
import { z } from 'zod'
import { parseDuration, parseSize } from '../model/units.ts'

/**
 * A size as people write it (`8MiB`, `1.5GB`, `1048576`) to bytes, from `min` to `max`, both
 * written the same way.
 */
export function size(min: string, max: string) {
  return quantity(
    parseSize,
    `must be a size from ${min} to ${max}, in bytes or with a unit such as MiB or MB`,
    min,
    max,
  )
}

/** A size as `size` takes it, or `unlimited`, which is `Infinity`. */
export function sizeOrUnlimited(min: string, max: string) {
  return z.union([z.literal('unlimited').transform(() => Infinity), size(min, max)], {
    error: `must be unlimited or a size from ${min} to ${max}, in bytes or with a unit such as MiB or MB`,
  })
}

/**
 * A time as people write it (`500ms`, `30s`, `1.5h`) to milliseconds, from `min` to `max`. The unit
 * is never guessed.
 */
export function duration(min: string, max: string) {
  return quantity(
    parseDuration,
    `must be a time from ${min} to ${max} with its unit: ms, s, m, h or d`,
    min,
    max,
  )
}

export function wholeNumberSchema(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`
  return z.string().regex(/^\d+$/, error).transform(Number).pipe(z.number().min(min, error).max(max, error))
}

/** `true` or `false`, to a boolean. */
export function yesOrNo() {
  return z.enum(['true', 'false'], 'must be true or false').transform((text) => text === 'true')
}

/** A path that the file system does not shorten, or a bucket with a key prefix. */
export function storeSchema() {
  return z
    .string()
    .regex(/^[^\0]+$/, 'must be the path of a directory')
    .refine(
      (text) => !/^s3:\/\/(?:[^/]{1,2}|[^/]{64,})(?:\/|$)/.test(text),
      'must be in a bucket whose name has 3 to 63 characters',
    )
    .refine(
      (text) =>
        !/^[a-z0-9]+:\/\//i.test(text) || /^s3:\/\/[a-z0-9][a-z0-9.-]+(?:\/[\w!.*'()/-]*)?$/.test(text),
      'must be the path of a directory, or s3://bucket/prefix',
    )
}

/** `sqlite`, `sqlite:` and a path, or the address of a PostgreSQL database. */
export function catalogSchema() {
  return z
    .string()
    .refine(
      (text) => /^sqlite(?::[^\0]+)?$/s.test(text) || isUrl(text, /^postgres(?:ql)?:\/\/./),
      'must be sqlite, sqlite:file, or postgres://user@host/database',
    )
}

export function httpUrlOr(word: string) {
  return z
    .string()
    .refine(
      (text) => text === word || isUrl(text, /^https?:\/\/[^/?#]+\/?$/),
      `must be ${word}, or a URL such as https://s3.example:9000`,
    )
}

function isUrl(text: string, shape: RegExp): boolean {
  return shape.test(text) && URL.canParse(text)
}

/** `none`, or an http or https URL, maybe with a path; to the URL, or undefined. */
export function publicUrl() {
  const error =
    'must be none, or a URL without user, query and fragment, such as https://files.example/share/'
  return z
    .string()
    .refine((text) => text === 'none' || isUrl(text, /^https?:\/\/[^/?#@]+(?:\/[^?#]*)?$/i), error)
    .transform((text) => (text === 'none' ? undefined : new URL(text).href))
}

/** `none`, or host names with commas between them; `*.` in front stands for all names below one. */
export function hostNames() {
  return list(
    (text) =>
      /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*\.?$/i.test(
        text,
      ),
    'must be none, or host names without scheme and port, such as files.example,*.lan, with commas between them',
  )
}

/** `none`, or IP addresses and ranges (`10.0.0.0/8`) with commas between them. */
export function addressRanges() {
  return list(
    isAddressRange,
    'must be none, or IP addresses and ranges such as 127.0.0.1,10.0.0.0/8, with commas between them',
  )
}

function isAddressRange(text: string): boolean {
  const [, address = '', bits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const family = isIP(address)
  return family !== 0 && Number(bits ?? 1) >= 1 && Number(bits ?? 1) <= (family === 4 ? 32 : 128)
}

function list(isItem: (text: string) => boolean, error: string) {
  return z.string().transform((text, context): readonly string[] => {
    if (text === 'none') return []
    const items = text.split(',').map((item) => item.trim())
    if (items.every(isItem)) return items
    context.addIssue({ code: 'custom', message: error })
    return z.NEVER
  })
}

/**
 * `none`, `*`, or origins with commas between them, each just as a browser names it; to `*` or a
 * list.
 */
export function origins() {
  const error =
    'must be none, *, or origins as browsers name them, such as https://app.example, with commas between them'
  return z.union([z.literal('*'), list(isOrigin, error)], { error })
}

/**
 * Refuses an origin in any other form, such as with a path or a default port: it would never match.
 * `null` is what browsers send for pages without an origin, including sandboxed pages of any site.
 */
function isOrigin(text: string): boolean {
  if (!/^[a-z][a-z0-9+.-]*:\/\/[a-z0-9_.[\]:-]+$/.test(text) || !URL.canParse(text)) return false
  const { origin, protocol } = new URL(text)
  // Apps and extensions have schemes of their own, of which `URL` knows no origin.
  return origin === text || (origin === 'null' && protocol !== 'file:')
}

/** An IP address without brackets, or a host name. */
export function host() {
  return z
    .string()
    .refine(
      (text) => isIP(text) > 0 || /^[a-z0-9]([a-z0-9.-]{0,252})$/i.test(text),
      'must be an IP address or a host name',
    )
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/**
 * Whether only this machine can reach the address. Of host names, only `localhost` is trusted to be
 * loopback.
 */
export function isLoopback(listensOn: string): boolean {
  const family = isIP(listensOn)
  if (family === 0) return listensOn.toLowerCase() === 'localhost'
  return loopback.check(listensOn, family === 4 ? 'ipv4' : 'ipv6')
}

function quantity(parse: (text: string) => number | undefined, error: string, min: string, max: string) {
  const least = parse(min)
  const most = parse(max)
  if (least === undefined || most === undefined) throw new TypeError(`not a quantity: ${min} or ${max}`)
  return z.string().transform((text, context) => {
    const value = parse(text)
    if (value !== undefined && value >= least && value <= most) return value
    context.addIssue({ code: 'custom', message: error })
    return z.NEVER
  })
}
