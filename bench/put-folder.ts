import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs, promisify } from 'node:util'
import { inTemporaryDirectory } from './in-temporary-directory.ts'
import { interleaved, type Measure } from './interleaved.ts'

// How long `ashlar put -r` of many small files takes: that of this working tree against that of
// another checkout, each with its own server and a new store. It needs the other's path, and that
// its dependencies are installed: `npx node bench/put-folder.ts ../before`.

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    files: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '5' },
  },
})
const [before] = positionals
if (before === undefined) throw new Error('Give the path of the checkout to compare with.')
const here = resolve(import.meta.dirname, '..')
const files = Number(values.files)

await inTemporaryDirectory(async (directory) => {
  const folder = join(directory, 'folder')
  const bytes = await writeFiles(folder)
  console.log(`${files} files of 1 to 64 KiB, ${(bytes / 1e6).toFixed(0)} MB, ${values.rounds} rounds`)
  const samples = await interleaved(
    { now: putBy(here, folder, directory), before: putBy(resolve(before), folder, directory) },
    { rounds: Number(values.rounds), warmUps: 0 },
  )
  const [now, then] = [samples.median('now'), samples.median('before')]
  const { low, median, high } = samples.ratio('before', 'now')
  console.table({
    'seconds, now': now.toFixed(2),
    'seconds, before': then.toFixed(2),
    'ratio of medians': (then / now).toFixed(2),
    'ratios of the rounds, quartiles': [low, median, high].map((ratio) => ratio.toFixed(2)).join(' '),
  })
})

/** Resolves with the size of all together: 25 KB each on average, and no two alike. */
async function writeFiles(folder: string): Promise<number> {
  let seed = 1
  const random = () => (seed = (seed * 48271) % 0x7fffffff) / 0x7fffffff
  let total = 0
  for (let number = 0; number < files; number++) {
    const inside = join(folder, `${Math.floor(number / 100)}`)
    if (number % 100 === 0) await mkdir(inside, { recursive: true })
    const bytes = Buffer.alloc(Math.round(1024 * (1 + 63 * random() ** 1.7)))
    for (let at = 0; at + 4 <= bytes.length; at += 4) bytes.writeUInt32LE(random() * 0xffffffff, at)
    await writeFile(join(inside, `${number}.bin`), bytes)
    total += bytes.length
  }
  return total
}

function putBy(checkout: string, folder: string, directory: string): Measure {
  let run = 0
  return async () => {
    run += 1
    const store = join(directory, `${encodeURIComponent(checkout)}-${run}`)
    const server = spawn(process.execPath, [join(checkout, 'src/main.ts'), '--store', store, '--port', '0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(server, 'exit')
    try {
      const url = await addressOf(server.stdout)
      const start = performance.now()
      // Not the bin, which would install what a checkout lacks.
      const argv = [join(checkout, 'test/cli/children/ashlar.ts'), 'put', '-r', folder, '--server', url]
      const { stderr } = await promisify(execFile)(process.execPath, argv)
      const seconds = (performance.now() - start) / 1000
      if (!stderr.includes(`${files.toLocaleString('en-US')} files`)) throw new Error(stderr)
      console.log(`${checkout}: ${seconds.toFixed(2)} s`)
      return seconds
    } finally {
      server.kill('SIGTERM')
      await exited
    }
  }
}

async function addressOf(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface(output)) {
    const { url } = JSON.parse(line) as { readonly url?: string }
    if (url !== undefined) {
      output.resume()
      return url
    }
  }
  throw new Error('the server did not start')
}
