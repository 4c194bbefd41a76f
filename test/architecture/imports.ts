/**
 * The paths that a file of source text refers to; `undefined` stands for one that is computed.
 * Packages are as they are written, files begin with a dot. What looks like an import inside a
 * comment or a string counts, too: to forbid too much is seen at once.
 */
export function importsOf(source: string): readonly (string | undefined)[] {
  const imports = [...source.matchAll(statement), ...source.matchAll(call)].map((match) =>
    plain(match.groups?.['path']),
  )
  const addresses = [...source.matchAll(address)].map((match) => relative(plain(match.groups?.['path'])))
  return [...imports, ...addresses]
}

const path = `(?<quote>['"\`])(?<path>[^'"\`\\n]*)\\k<quote>`

// import … from '…', import '…', export … from '…': between the keyword and the path stand names,
// braces and `*`.
const statement = new RegExp(
  String.raw`(?:^|;)[ \t]*(?:import|export)\b(?:[\w\s$,{}*]*?\bfrom\b)?\s*${path}`,
  'gm',
)

// import('…'), also as a type, and require('…').
const call = new RegExp(String.raw`\b(?:import|require)(?:\.resolve)?\s*\(\s*(?:${path}(?=\s*[,)]))?`, 'g')

// new URL('…', import.meta.url), which is how worker threads and assets are named, and any other
// way to find one's place.
const address = new RegExp(
  String.raw`\bnew URL\(\s*${path}\s*,\s*import\.meta\.url|(?<!\bextname\()\bimport\.meta\.(?:url|resolve|dirname|filename)`,
  'g',
)

/**
 * A path with a hole in it is computed, unless the hole is the extension, which the build changes
 * from .ts to .js.
 */
function plain(found: string | undefined): string | undefined {
  const filled = found?.replace('${extname(import.meta.url)}', '.ts')
  return filled?.includes('${') ? undefined : filled
}

/** A URL is relative without a dot, too. */
function relative(found: string | undefined): string | undefined {
  return found === undefined || /^(?:[./]|[a-z]+:)/.test(found) ? found : `./${found}`
}
