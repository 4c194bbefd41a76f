// RFC 8941, 3.1.2 and 3.2: key and parameters; 3.3: what a parameter's value may be.
const key = '[a-z*][a-z0-9_.*-]*'
const bareItem = String.raw`(?:-?\d{1,15}(?:\.\d{1,3})?|"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"|[A-Za-z*][\x21#$%&'*+.^_\x60|~0-9A-Za-z:/-]*|:[A-Za-z0-9+/=]*:|\?[01])`
const parameters = `(?:; *${key}(?:=${bareItem})?)*`
// 3.3.5: a byte sequence is base64 between colons.
const member = new RegExp(
  String.raw`(?<key>${key})=:(?<base64>[A-Za-z0-9+/]*={0,2}):${parameters}(?:[ \t]*(?<comma>,)[ \t]*|$)`,
  'y',
)

/**
 * A dictionary whose members are all byte sequences, as structured field (RFC 8941, 3.2): the
 * base64 of each by its key. Parameters are read over. Undefined if `text` is no such thing.
 */
export function parseByteDictionary(text: string): ReadonlyMap<string, string> | undefined {
  const members = new Map<string, string>()
  let isExpected = true
  for (let at = 0; at < text.length; at = member.lastIndex) {
    member.lastIndex = at
    const groups = member.exec(text)?.groups
    if (!groups) return undefined
    // 4.2.2: when a key comes twice, "overwrite its value".
    members.set(groups['key'] ?? '', groups['base64'] ?? '')
    isExpected = groups['comma'] !== undefined
  }
  // 4.2.2: "If input_string is empty, there is a trailing comma; fail parsing."
  return isExpected ? undefined : members
}
