let isOn = true

/**
 * Makes everything in `system/` leave the operating system and V8 alone, for the rest of the
 * process. Call it before anything there is used: in a Node where one of the tricks does harm, or
 * to find out whether it does.
 */
export function turnTuningOff(): void {
  isOn = false
}

export function isTuned(): boolean {
  return isOn
}
