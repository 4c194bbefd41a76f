#!/usr/bin/env node
// The `ashlar` of the package and, inside the repository, of `npx`: there it runs the sources, and installs what they need first.
// Plain JavaScript without dependencies: it runs before there are any, on whatever Node the machine has.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { fileURLToPath } from 'node:url'

const argv = process.argv.slice(2)
const sources = new URL('../src/cli/ashlar.ts', import.meta.url)
const [major, minor] = process.versions.node.split('.').map(Number)
const isNewEnough = major > 26 || (major === 26 && minor >= 10)

// Half of the time that a short command takes is compiling; older versions have no such cache.
module.enableCompileCache?.()

if (existsSync(sources)) {
  await import('../tools/set-up.mjs')
  if (isNewEnough) await (await import(sources)).ashlar(argv)
  else runWithOwnNode()
} else if (isNewEnough) {
  await (await import('../dist/cli/ashlar.js')).ashlar(argv)
} else {
  console.error(`ashlar: this is Node ${process.versions.node}: install Node 26.10 or a later one`)
  process.exitCode = 1
}

/** The repository brings the Node that it runs on. */
function runWithOwnNode() {
  const node = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url))
  const child = spawn(node, [fileURLToPath(import.meta.url), ...argv], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  // Ctrl-C reaches both; the child says what became of it.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('error', (error) => {
    console.error(`ashlar: ${error.message}`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143)
  })
}
