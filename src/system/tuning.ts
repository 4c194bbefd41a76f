/** An environment variable, because tests and programs that embed Ashlar have no command line. */
let isOn = process.env['ASHLAR_TUNING'] !== 'off'

/**
 * Makes everything in `system/` leave the operating system, V8 and Node's sockets alone for the
 * rest of the process. Call it before anything else in that folder, with a Node where one of the
 * tricks does harm, or to find out whether it does.
 */
export function turnTuningOff(): void {
  isOn = false
}

export function isTuned(): boolean {
  return isOn
}
