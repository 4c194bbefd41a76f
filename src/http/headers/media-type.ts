import { posix } from 'node:path'
import { lookup } from 'mime-types'
import type { FileName } from '../../model/file.ts'

/** The media type of a file whose type is unknown (RFC 9110, 8.3). */
const unknown = 'application/octet-stream'

const maxLength = 255

// RFC 9110, 8.3.1: media-type = type "/" subtype parameters; 5.6.6: parameters = *( OWS ";" OWS [
// parameter ] ).
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const quoted = String.raw`"(?:[\t \x21\x23-\x5b\x5d-\x7e]|\\[\t \x21-\x7e])*"`
const mediaType = new RegExp(`^${token}/${token}(?:[ \\t]*;(?:[ \\t]*${token}=(?:${token}|${quoted}))?)*$`)

/**
 * Why `text` cannot be kept as a media type: it is sent back as it is, so it must be a short one of
 * plain ASCII.
 */
export function problemWithMediaType(text: string): string | undefined {
  if (text.length > maxLength) return `is longer than ${maxLength} characters`
  return mediaType.test(text) ? undefined : 'is not of the form type/subtype; parameter=value'
}

/**
 * The media type that a file is to have: the one that came with it, even if it is a client's own
 * default, or else the usual one for the extension of the name. Clients send `null`, `undefined`,
 * `image` or nothing where they do not know it; whatever cannot be read as a media type means that
 * it is unknown.
 */
export function mediaTypeOf(contentType: string | undefined, name: FileName): string {
  if (contentType === undefined) return lookup(posix.extname(name)) || unknown
  return problemWithMediaType(contentType) === undefined ? contentType : unknown
}
