import type { Reporter, TestModule } from 'vitest/node'

const shown = 20

/** Prints the test files that took longest, with the seconds that their tests and hooks took. */
export default class SlowestFiles implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const files = modules
      .map((module) => ({ path: module.relativeModuleId, seconds: module.diagnostic().duration / 1000 }))
      .sort((a, b) => b.seconds - a.seconds)
      .slice(0, shown)
    const lines = files.map(({ path, seconds }) => `${seconds.toFixed(1).padStart(6)} s  ${path}`)
    console.log(['', 'Slowest files:', ...lines].join('\n'))
  }
}
