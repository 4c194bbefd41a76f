import type { AsyncCommand } from 'fast-check'
import type { CatalogFault } from '../../support/faulty-catalog.ts'
import type { Fault } from '../../support/faulty.ts'
import { isAsExpected, type SeenAnswer } from './answer.ts'
import { look } from './look.ts'
import type { Operation } from './operation.ts'
import { send } from './send.ts'
import type { State } from './state.ts'
import { withUpload } from './state.ts'
import { step, type Outcome } from './step.ts'
import type { System } from './system.ts'

/** What fast-check calls the model: the state, which commands replace. */
export interface Model {
  state: State
}

type Command = AsyncCommand<Model, System>

/** One operation, with nothing else going on. */
export class Alone implements Command {
  readonly operation: Operation

  constructor(operation: Operation) {
    this.operation = operation
  }

  check({ state }: Readonly<Model>): boolean {
    return isPossible(state, this.operation)
  }

  async run(model: Model, system: System): Promise<void> {
    const { operation } = this
    const answer = await send(system, operation, model.state)
    const possible = explained(step(model.state, operation), answer)
    const isAllInDoubt = ['collect', 'scrub', 'restart', 'flip'].includes(operation.do)
    model.state = await look(system, possible, isAllInDoubt ? new Map() : model.state.files)
  }

  toString(): string {
    return JSON.stringify(this.operation)
  }
}

export type PlannedFault =
  | { readonly in: 'chunks' | 'manifests'; readonly fault: Fault }
  | { readonly in: 'catalog'; readonly fault: CatalogFault }

/** One operation while something goes wrong. It has its effect, or none: never a part of it. */
export class Faulted implements Command {
  readonly operation: Operation
  readonly planned: PlannedFault

  constructor(operation: Operation, planned: PlannedFault) {
    this.operation = operation
    this.planned = planned
  }

  check({ state }: Readonly<Model>): boolean {
    return state.damaged.size === 0 && isPossible(state, this.operation)
  }

  async run(model: Model, system: System): Promise<void> {
    const { operation, planned } = this
    const { faults } = system.server
    if (planned.in === 'catalog') faults.catalog.replan([planned.fault])
    else faults[planned.in].replan([planned.fault])
    const answer = await send(system, operation, model.state)
    for (const part of Object.values(faults)) part.replan([])
    const normal = step(model.state, operation)
    const possible = explained([...normal, ...failed(model.state, operation, normal)], answer)
    model.state = await look(system, possible, new Map())
  }

  toString(): string {
    return `${JSON.stringify(this.operation)} while ${JSON.stringify(this.planned)}`
  }
}

/** Several operations at once. What comes of them must be what would come of them in some order. */
export class Together implements Command {
  readonly operations: readonly Operation[]

  constructor(operations: readonly Operation[]) {
    this.operations = operations
  }

  check({ state }: Readonly<Model>): boolean {
    return state.damaged.size === 0 && this.operations.every((each) => isPossible(state, each))
  }

  async run(model: Model, system: System): Promise<void> {
    const answers = await Promise.all(
      this.operations.map(async (operation) => ({
        operation,
        answer: await send(system, operation, model.state),
      })),
    )
    const possible = inSomeOrder(model.state, answers)
    if (possible.length === 0)
      throw new Error(`no order explains ${shown(answers.map(({ answer }) => answer))}`)
    model.state = await look(system, possible, new Map())
  }

  toString(): string {
    return `together: ${this.operations.map((each) => JSON.stringify(each)).join(' | ')}`
  }
}

interface Done {
  readonly operation: Operation
  readonly answer: SeenAnswer
}

function inSomeOrder(state: State, left: readonly Done[]): readonly State[] {
  if (left.length === 0) return [state]
  return left.flatMap((first) => {
    const outcomes = step(state, first.operation).filter((outcome) =>
      isAsExpected(first.answer, outcome.answer),
    )
    const others = left.filter((one) => one !== first)
    return outcomes.flatMap((outcome) => inSomeOrder(outcome.state, others))
  })
}

/** What else may come of an operation where something goes wrong on the way. */
function failed(state: State, operation: Operation, normal: readonly Outcome[]): readonly Outcome[] {
  const states = [state, ...normal.map((outcome) => outcome.state)]
  if (operation.do === 'append') {
    const upload = state.uploads.get(operation.slot)!
    const offsetAtMost = Math.min(upload.bytes.length, upload.offset + operation.bytes)
    states.push(withUpload(state, operation.slot, { ...upload, offsetAtMost }))
  }
  // Nobody has heard where a new upload is: it is not there for anybody.
  if (operation.do === 'create') states.splice(1)
  // Nothing says why to who asks with HEAD.
  const reading = [{ status: 503 }, { status: 500 }, { status: 0 }]
  const changing = [
    { status: 503, code: 'unavailable' },
    { status: 507, code: 'no_space' },
  ]
  const answers: readonly SeenAnswer[] = operation.do === 'get' ? reading : changing
  return states.flatMap((each) => answers.map((answer) => ({ state: each, answer })))
}

function explained(outcomes: readonly Outcome[], answer: SeenAnswer): readonly State[] {
  const fitting = outcomes.filter((outcome) => isAsExpected(answer, outcome.answer))
  if (fitting.length > 0) return fitting.map(({ state }) => state)
  throw new Error(`${shown([answer])} came, not ${shown(outcomes.map((outcome) => outcome.answer))}`)
}

/** Whether a client would do that in this state. Of what is damaged nobody makes an upload. */
function isPossible({ files, uploads, damaged }: State, operation: Operation): boolean {
  const isSound = damaged.size === 0
  if (operation.do === 'create') return isSound && uploads.get(operation.slot)?.isFinished !== false
  if (operation.do === 'append') {
    const upload = uploads.get(operation.slot)
    if (!isSound || !upload || upload.isFinished) return false
    return upload.dialect === 'draft' || upload.offset < upload.bytes.length
  }
  if (operation.do === 'terminate') return uploads.has(operation.slot)
  if (operation.do === 'join') {
    const parts = operation.slots.map((slot) => uploads.get(slot))
    return isSound && parts.every((part) => part?.isPartial && part.offset === part.bytes.length)
  }
  if (operation.do === 'flip') return (files.get(operation.name)?.bytes.length ?? 0) > 0
  return true
}

function shown(answers: readonly SeenAnswer[]): string {
  return JSON.stringify(
    answers.map(({ bytes, ...others }) => ({ ...others, ...(bytes && { size: bytes.length }) })),
  )
}
