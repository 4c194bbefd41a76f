// Controls, which a terminal obeys, and marks that turn the direction of what follows them.
const unprintable = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Cs}/gu

/** Text from elsewhere as it can be shown on a terminal: what a terminal would act upon is a `?`. */
export function printable(text: string): string {
  return text.replace(unprintable, '?')
}

/** One line of JSON that a terminal can show, too. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(
    unprintable,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
