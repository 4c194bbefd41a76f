// Runs the tests beside three busy loops, as on a machine that has something else to do. Arguments
// go to vitest.
import { spawn } from 'node:child_process'
import { once } from 'node:events'

const loops = 3
const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/vitest.config.ts']
// Ends by itself if this process is killed.
const loop = 'const parent = process.ppid; while (process.ppid === parent);'
const busy = Array.from({ length: loops }, () =>
  spawn(process.execPath, ['-e', loop], { stdio: ['ignore', 'ignore', 'inherit'] }),
)
const stop = () => {
  for (const child of busy) child.kill('SIGKILL')
}
const tests = spawn(process.execPath, [...vitest, ...process.argv.slice(2)], {
  cwd: new URL('..', import.meta.url),
  stdio: 'inherit',
})
// Whatever ends this process ends the loops.
process.on('exit', stop)
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => tests.kill(signal))
const [code] = await once(tests, 'exit')
process.exit(code ?? 1)
