import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

/** The client as one script for a page. */
export async function bundleForBrowser(): Promise<string> {
  const input = fileURLToPath(new URL('../../src/client/browser.ts', import.meta.url))
  const bundle = await rolldown({ input, platform: 'browser', logLevel: 'warn' })
  try {
    const { output } = await bundle.generate({ format: 'esm' })
    if (output.length !== 1) throw new Error(`the client is ${output.length} scripts, not one`)
    return output[0].code
  } finally {
    await bundle.close()
  }
}
