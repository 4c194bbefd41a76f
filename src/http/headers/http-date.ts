const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const month = `(?<month>${months.join('|')})`
const time = String.raw`(?<hour>[01]\d|2[0-3]):(?<minute>[0-5]\d):(?<second>[0-5]\d|60)`

// RFC 9110, 5.6.7: "A recipient … MUST accept all three HTTP-date formats."
const formats = [
  new RegExp(
    String.raw`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?<day>\d\d) ${month} (?<year>[1-9]\d{3}) ${time} GMT$`,
  ),
  new RegExp(
    String.raw`^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\d\d)-${month}-(?<year>\d\d) ${time} GMT$`,
  ),
  new RegExp(
    String.raw`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ${month} (?<day>\d\d| \d) ${time} (?<year>[1-9]\d{3})$`,
  ),
]

/** An HTTP date (RFC 9110, 5.6.7) as milliseconds since 1970; undefined for anything else. */
export function parseHttpDate(text: string, now = Date.now()): number | undefined {
  for (const format of formats) {
    const fields = format.exec(text)?.groups
    if (fields) return dateOf(fields, now)
  }
  return undefined
}

function dateOf(fields: Readonly<Record<string, string>>, now: number): number | undefined {
  const { day = '', hour, minute, second } = fields
  const monthIndex = months.indexOf(fields['month'] ?? '')
  const year = fullYear(fields['year'] ?? '', now)
  const date = new Date(Date.UTC(year, monthIndex, Number(day), Number(hour), Number(minute), Number(second)))
  // A day that the month does not have runs over into the next.
  if (Number(day) === 0 || Number(day) > daysIn(year, monthIndex)) return undefined
  return date.getTime()
}

function daysIn(year: number, monthIndex: number): number {
  return new Date(Date.UTC(year, monthIndex + 1, 0)).getUTCDate()
}

/**
 * RFC 9110, 5.6.7: a two-digit year "that appears to be more than 50 years in the future" is "the
 * most recent year in the past that had the same last two digits".
 */
function fullYear(digits: string, now: number): number {
  if (digits.length === 4) return Number(digits)
  const thisYear = new Date(now).getUTCFullYear()
  const year = thisYear - (thisYear % 100) + Number(digits)
  return year > thisYear + 50 ? year - 100 : year
}
