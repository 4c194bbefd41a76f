/**
 * Folds text for searches: texts that differ only in letter case or in Unicode normal form (NFC or
 * NFD, compatibility characters such as `ﬁ`) fold to the same text. Folding again changes nothing.
 */
export function foldText(text: string): string {
  // Most names are ASCII, where only the case can differ.
  if (/^[\0-\x7f]*$/.test(text)) return text.toLowerCase()
  // Upper case comes first, so that `SS` finds `ß`. At the end of a word, Σ becomes ς in lower
  // case, which is the same letter as σ.
  const folded = text.normalize('NFKC').toUpperCase().toLowerCase().replaceAll('ς', 'σ').normalize('NFKC')
  return folded === text ? text : foldText(folded)
}

/** What the catalog stores beside a name for searches; null if that is the name itself. */
export function foldedName(name: string): string | null {
  const folded = foldText(name)
  return folded === name ? null : folded
}
