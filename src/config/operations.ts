import { z } from 'zod'

export interface Option {
  /** Written as on the command line, and read by the same schema. */
  readonly default: string
  /** How `--help` names the value; a switch has none. */
  readonly value?: string
  readonly help: string
  readonly schema: z.ZodType<unknown, string>
}

/** Options about what operators see of the server. */
export const operationOptions = {
  metricsAccess: {
    default: 'local',
    value: 'who',
    help: 'who may read /metrics: local (this machine, not through a proxy), all, or none',
    schema: z.enum(['local', 'all', 'none'], 'must be local, all or none'),
  },
  tuning: {
    default: 'on',
    value: 'how',
    help: 'on, or off: leaves memory, sockets and the garbage collector to Node and the system as they are',
    schema: z.enum(['on', 'off'], 'must be on or off'),
  },
  logLevel: {
    default: 'info',
    value: 'level',
    help: 'fatal, error, warn, info, debug, trace or silent',
    schema: z.enum(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      'must be fatal, error, warn, info, debug, trace or silent',
    ),
  },
  logFormat: {
    default: 'auto',
    value: 'format',
    help: 'json, text, or auto, which is text on a terminal and JSON elsewhere',
    schema: z.enum(['auto', 'json', 'text'], 'must be auto, json or text'),
  },
  logRequests: {
    default: 'all',
    value: 'which',
    help: 'which requests are logged: all, or errors (failures of the server or its disk)',
    schema: z.enum(['all', 'errors'], 'must be all or errors'),
  },
} as const satisfies Record<string, Option>
