/** Names of devices, whatever extension they have. */
const devices = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[\d¹²³]) *(?:\.|$)/i
const forbidden = /[<>:"|?*\\]/g
const strippedEnd = /[. ]+$/

/** Whether Windows takes this entry of a directory for something else, or refuses it. */
export function isImpossibleOnWindows(entry: string): boolean {
  return devices.test(entry) || strippedEnd.test(entry) || entry.search(forbidden) !== -1
}

/** An entry that Windows takes as it is. Others may become the same one. */
export function possibleOnWindows(entry: string): string {
  const kept = entry.replaceAll(forbidden, '_').replace(strippedEnd, '_')
  return devices.test(kept) ? `_${kept}` : kept
}
