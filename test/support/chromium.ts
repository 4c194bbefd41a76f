import { execFile } from 'node:child_process'
import { access } from 'node:fs/promises'
import { promisify } from 'node:util'
import { chromium, type Browser } from 'playwright-core'

const path = '/usr/bin/chromium'

/** How long it may take where it has to be installed first. */
export const chromiumTimeoutMs = 600_000

/**
 * Starts Debian's Chromium, and installs it where it is missing and that is allowed. Rejects with
 * what to do otherwise.
 */
export async function openChromium(args: readonly string[] = []): Promise<Browser> {
  if (!(await isThere())) await install()
  // Chromium's own sandbox does not work for root.
  return chromium.launch({
    executablePath: path,
    chromiumSandbox: process.getuid?.() !== 0,
    args: [...args],
  })
}

async function isThere(): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}

async function install(): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new Error(
      `This test needs ${path}: install it with "apt-get install chromium", or run this as root.`,
    )
  }
  const run = promisify(execFile)
  await run('apt-get', ['update'])
  await run('apt-get', ['install', '--yes', '--no-install-recommends', 'chromium'], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    maxBuffer: 64 * 1024 * 1024,
  })
}
