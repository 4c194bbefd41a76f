/** Asked between the steps of a call whether to go on: a signal, for instance. */
export type Stop = Pick<AbortSignal, 'throwIfAborted'>
