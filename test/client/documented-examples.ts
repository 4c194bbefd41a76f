import { readFile } from 'node:fs/promises'

/** The programs in docs/client.md, word for word. */
export async function documentedExamples(): Promise<{ readonly node: string; readonly browser: string }> {
  const page = await readFile(new URL('../../docs/client.md', import.meta.url), 'utf8')
  const [node, browser] = Array.from(page.matchAll(/```js\n(.*?)```/gs), ([, code]) => code)
  if (node === undefined || browser === undefined) throw new Error('the page has no such examples')
  return { node, browser }
}
