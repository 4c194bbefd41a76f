// Controls, which a terminal obeys, marks that turn the direction of what follows them, and what
// cannot be seen at all. U+200C and U+200D stay: languages and emoji need them.
const unprintable =
  /[\p{Cc}\p{Cs}\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu

/**
 * Text from elsewhere as it can be shown: what a terminal would act upon, or would hide, comes as
 * `\u202e`.
 */
export function printable(text: string): string {
  return text.replace(
    unprintable,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** One line of JSON that a terminal can show, too. */
export function printableJson(value: unknown): string {
  return printable(JSON.stringify(value))
}
