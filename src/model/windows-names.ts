/** Reserved device names, with any extension. */
const devices = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[\d¹²³]) *(?:\.|$)/i
const forbidden = /[<>:"|?*\\]/g
const strippedEnd = /[. ]+$/

/** Whether Windows refuses this directory entry, or takes it for something else. */
export function isImpossibleOnWindows(entry: string): boolean {
  return devices.test(entry) || strippedEnd.test(entry) || entry.search(forbidden) !== -1
}

/** Makes an entry that Windows accepts unchanged. Different entries may become the same. */
export function possibleOnWindows(entry: string): string {
  const kept = entry.replaceAll(forbidden, '_').replace(strippedEnd, '_')
  return devices.test(kept) ? `_${kept}` : kept
}
