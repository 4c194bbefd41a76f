// RFC 9651, 3.1.2: parameters; 3.3: what their values may be.
const key = '[a-z*][a-z0-9_.*-]*'
const bareItem = String.raw`(?:-?\d{1,15}|-?\d{1,12}\.\d{1,3}|"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"|[A-Za-z*][\x21#$%&'*+.^_\x60|~0-9A-Za-z:/-]*|:[A-Za-z0-9+/=]*:|\?[01]|@-?\d{1,15}|%"(?:[\x20\x21\x23\x24\x26-\x7e]|%[0-9a-f]{2})*")`
const item = new RegExp(
  String.raw`^ *(?:\?(?<boolean>[01])|(?<integer>-?\d{1,15}))(?:; *${key}(?:=${bareItem})?)* *$`,
)

/**
 * The Boolean or the Integer that a structured field is (RFC 9651, 3.3.6 and 3.3.1). Parameters are
 * read over. Undefined if it is anything else, several values included.
 */
export function parseItem(text: string): boolean | number | undefined {
  const groups = item.exec(text)?.groups
  if (!groups) return undefined
  const { boolean, integer } = groups
  return integer === undefined ? boolean === '1' : Number(integer)
}
