// RFC 2183, 2: parameters behind the type; a quoted value may contain what looks like another one.
const parameter =
  /;[ \t]*(?<key>[^\s=;"]+)[ \t]*=[ \t]*(?:"(?<quoted>(?:[^"\\]|\\[\\"]|\\(?![\\"]))*)"|(?<token>[^\s;"]*))/g

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The file name in the `Content-Disposition` of a form's part, which is given with a character for
 * each byte; undefined if there is none, and the part no file (RFC 7578, 4.2). Throws `TypeError`
 * if it is not UTF-8.
 */
export function formFileName(contentDisposition: string): string | undefined {
  const values = new Map<string, string>()
  for (const { groups } of contentDisposition.matchAll(parameter)) {
    const key = groups?.['key']?.toLowerCase() ?? ''
    if (!values.has(key)) values.set(key, groups?.['token'] ?? unquoted(groups?.['quoted'] ?? ''))
  }
  // RFC 7578, 4.2 forbids `filename*`, but where it is sent all the same `filename` is only a
  // makeshift (RFC 6266, 4.3).
  const extended = values.get('filename*')
  const name = extended === undefined ? values.get('filename') : bytesOfExtended(extended)
  // A name with U+FFFD in the place of what was meant is another name.
  return name === undefined ? undefined : utf8.decode(Buffer.from(name, 'latin1'))
}

/**
 * RFC 8187, 3.2: charset, language, and the bytes, percent-encoded where they are not attr-chars.
 */
function bytesOfExtended(text: string): string {
  const encoded = /^utf-8'[^']*'(?<encoded>(?:[^%]|%[0-9a-f]{2})*)$/i.exec(text)?.groups?.['encoded']
  if (encoded === undefined) throw new TypeError("filename* is not of the form UTF-8''name")
  return encoded.replaceAll(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/**
 * RFC 2183 has `\` before quotes and itself; browsers write a quote as `%22` and leave `\` as it is
 * (WHATWG HTML, "multipart/form-data encoding algorithm").
 */
function unquoted(text: string): string {
  return text.replaceAll(/\\([\\"])/g, '$1').replaceAll('%22', '"')
}
