let isOn = true

/**
 * Has every part of `system/` leave the operating system and V8 as they are, from now on: for a Node on which one of them does harm,
 * and to tell whether one does. For the life of the process, before any of them is used.
 */
export function turnTuningOff(): void {
  isOn = false
}

export function isTuned(): boolean {
  return isOn
}
