import { isTuned } from './tuning.ts'

/** An `int`, a `size_t`, or a pointer. */
type Argument = number | bigint | Buffer

const types = { number: 'i32', bigint: 'u64', object: 'buffer' } as const

/**
 * Calls a function of the C library that takes whole numbers and buffers and returns a whole
 * number, where Node has no call of its own. Does nothing and returns undefined if Node cannot call
 * libc, if the library has no such function, or without tuning. Nothing may depend on it.
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

/**
 * Node warns that its interface may change. Nothing depends on it here, so users need no warning.
 */
function withoutWarning<T>(load: () => T): T {
  const before = Object.getOwnPropertyDescriptor(process, 'emitWarning')!
  process.emitWarning = () => {}
  try {
    return load()
  } finally {
    Object.defineProperty(process, 'emitWarning', before)
  }
}
