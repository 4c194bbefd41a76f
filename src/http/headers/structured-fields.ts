// The package `structured-headers` (2.1.0) will not do: it reads the Decimal `1.0` as the Integer
// 1, and it rejects a Date that is followed by another parameter.

// RFC 9651, 3.1.2 and 3.2: key and parameters; 3.3: bare items.
const key = '[a-z*][a-z0-9_.*-]*'
const bareItem = String.raw`(?:-?\d{1,15}|-?\d{1,12}\.\d{1,3}|"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"|[A-Za-z*][\x21#$%&'*+.^_\x60|~0-9A-Za-z:/-]*|:[A-Za-z0-9+/=]*:|\?[01]|@-?\d{1,15}|%"(?:[\x20\x21\x23\x24\x26-\x7e]|%[0-9a-f]{2})*")`
const parameters = `(?:; *${key}(?:=${bareItem})?)*`

const item = new RegExp(String.raw`^ *(?:\?(?<boolean>[01])|(?<integer>-?\d{1,15}))${parameters} *$`)

// 3.3.5: a byte sequence is base64 between colons.
const byteMember = new RegExp(
  String.raw`(?<key>${key})=:(?<base64>[A-Za-z0-9+/]*={0,2}):${parameters}(?:[ \t]*(?<comma>,)[ \t]*|$)`,
  'y',
)

/**
 * Reads a structured field that is a single Boolean or Integer (RFC 9651, 3.3.6 and 3.3.1), and
 * ignores its parameters. Returns undefined for anything else, including a list.
 */
export function parseItem(text: string): boolean | number | undefined {
  const groups = item.exec(text)?.groups
  if (!groups) return undefined
  const { boolean, integer } = groups
  return integer === undefined ? boolean === '1' : Number(integer)
}

/**
 * Reads a structured field that is a dictionary of byte sequences (RFC 9651, 3.2), and ignores
 * their parameters. Maps each key to its base64. Returns undefined for anything else.
 */
export function parseByteDictionary(text: string): ReadonlyMap<string, string> | undefined {
  const members = new Map<string, string>()
  let isExpected = true
  for (let at = 0; at < text.length; at = byteMember.lastIndex) {
    byteMember.lastIndex = at
    const groups = byteMember.exec(text)?.groups
    if (!groups) return undefined
    // 4.2.2: when a key comes twice, "overwrite its value".
    members.set(groups['key'] ?? '', groups['base64'] ?? '')
    isExpected = groups['comma'] !== undefined
  }
  // 4.2.2: "If input_string is empty, there is a trailing comma; fail parsing."
  return isExpected ? undefined : members
}
