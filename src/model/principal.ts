import { defaultSpace, type Space } from './file.ts'

/** Who a request acts for. */
export interface Principal {
  /** The user of this machine, who may do everything. */
  readonly kind: 'local'
}

/** Who acts, and in which space. Every verb that names files or uploads takes one. */
export interface Caller {
  readonly principal: Principal
  readonly space: Space
}

/** The caller of every request while a server has no accounts. */
export const localCaller: Caller = { principal: { kind: 'local' }, space: defaultSpace }
