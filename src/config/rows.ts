import type { Option } from './operations.ts'
import { options, type OptionKey } from './options.ts'

export interface OptionRow {
  readonly key: OptionKey
  /** As commander declares it: `--port <number>`. */
  readonly declaration: string
  /** Under which commander returns the value. */
  readonly attribute: string
  readonly flag: string
  readonly variable: string
  readonly default: string
  readonly help: string
}

/** One row for each option: what `--help` shows and the table in docs/configuration.md says. */
export const optionRows: readonly OptionRow[] = Object.entries<Option>(options).map(([key, option]) => {
  // The unit is the code's business: whoever sets the option writes one.
  const attribute = key.replace(/Ms$/, '')
  const words = attribute.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  const flag = `--${words}`
  return {
    key: key as OptionKey,
    declaration: option.value === undefined ? flag : `${flag} <${option.value}>`,
    attribute,
    flag,
    variable: `ASHLAR_${words.replaceAll('-', '_').toUpperCase()}`,
    default: option.default,
    help: option.help,
  }
})
