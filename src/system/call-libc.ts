import { isTuned } from './tuning.ts'

/** An `int`, a `size_t`, or a pointer. */
type Argument = number | bigint | Buffer

const types = { number: 'i32', bigint: 'u64', object: 'buffer' } as const

/**
 * Calls a function of the C library that takes whole numbers and buffers and returns a whole
 * number, for what Node has no call of its own. Returns undefined, and does nothing, where Node or
 * the library has no such thing, or without tuning: nothing may depend on it.
 */
export function callLibc(name: string, ...given: readonly Argument[]): number | undefined {
  if (!isTuned()) return undefined
  const taken = given.map((argument) => types[typeof argument as keyof typeof types])
  try {
    const { dlopen } = withoutWarning(() => process.getBuiltinModule('node:ffi'))
    const { lib, functions } = dlopen(null, { [name]: { arguments: taken, return: 'i32' } })
    try {
      return functions[name]!(...given)
    } finally {
      lib.close()
    }
  } catch {
    return undefined
  }
}

/** Node warns of what may change. Here nothing depends on it, so nobody has to know. */
function withoutWarning<T>(load: () => T): T {
  const before = Object.getOwnPropertyDescriptor(process, 'emitWarning')!
  process.emitWarning = () => {}
  try {
    return load()
  } finally {
    Object.defineProperty(process, 'emitWarning', before)
  }
}
