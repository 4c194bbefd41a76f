/**
 * Text as searches compare it: texts that differ only in letter case or normal form (Unicode, NFC
 * or NFD, compatibility characters such as `ﬁ`) fold to the same. Folding it again changes nothing.
 */
export function foldText(text: string): string {
  // Most names are ASCII, where nothing else can differ.
  if (/^[\0-\x7f]*$/.test(text)) return text.toLowerCase()
  // Upper case first, for `ß` is to be found by `SS`. At the end of a word lower case of Σ is ς,
  // which is no other letter.
  const folded = text.normalize('NFKC').toUpperCase().toLowerCase().replaceAll('ς', 'σ').normalize('NFKC')
  return folded === text ? text : foldText(folded)
}

/** What the catalog keeps beside a name to search it: nothing where it is the name itself. */
export function foldedName(name: string): string | null {
  const folded = foldText(name)
  return folded === name ? null : folded
}
