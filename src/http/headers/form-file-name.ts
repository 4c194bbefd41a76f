// RFC 2183, 2: parameters behind the type; a quoted value may contain what looks like another one.
const parameter =
  /;[ \t]*(?<key>[^\s=;"]+)[ \t]*=[ \t]*(?:"(?<quoted>(?:[^"\\]|\\[\\"]|\\(?![\\"]))*)"|(?<token>[^\s;"]*))/g

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The file name in the `Content-Disposition` of a form's part, which is given with a character for each byte; undefined
 * if there is none, and the part no file (RFC 7578, 4.2). Throws `TypeError` if it is not UTF-8.
 */
export function formFileName(contentDisposition: string): string | undefined {
  for (const { groups } of contentDisposition.matchAll(parameter)) {
    if (groups?.['key']?.toLowerCase() !== 'filename') continue
    const name = groups['token'] ?? unquoted(groups['quoted'] ?? '')
    // A name with U+FFFD in the place of what was meant is another name.
    return utf8.decode(Buffer.from(name, 'latin1'))
  }
  return undefined
}

/**
 * RFC 2183 has `\` before quotes and itself; browsers write a quote as `%22` and leave `\` as it is (WHATWG HTML,
 * "multipart/form-data encoding algorithm").
 */
function unquoted(text: string): string {
  return text.replaceAll(/\\([\\"])/g, '$1').replaceAll('%22', '"')
}
