import { readFile } from 'node:fs/promises'

/** The programs in the README, word for word. */
export async function readmeExamples(): Promise<{ readonly node: string; readonly browser: string }> {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const [, chapter = ''] = /\n## From a program\n(.*?)\n## /s.exec(readme) ?? []
  const [node, browser] = Array.from(chapter.matchAll(/```js\n(.*?)```/gs), ([, code]) => code)
  if (node === undefined || browser === undefined) throw new Error('the README has no such examples')
  return { node, browser }
}
