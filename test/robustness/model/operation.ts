export type Condition = 'none' | 'absent' | 'present' | { readonly isContent: number }

/** What a client does, or an operator: all that one command is. Contents by their number. */
export type Operation =
  | {
      readonly do: 'put'
      readonly name: string
      readonly content: number
      readonly isChunked: boolean
      readonly condition: Condition
      readonly digest: 'none' | 'right' | 'wrong'
    }
  | { readonly do: 'form'; readonly files: readonly (readonly [name: string, content: number])[] }
  | {
      readonly do: 'get'
      readonly method: 'GET' | 'HEAD'
      readonly name: string
      readonly range?: readonly [first: number, last: number]
      /** `If-None-Match` with the tag of this content. */
      readonly unlessContent?: number
    }
  | { readonly do: 'delete'; readonly name: string; readonly condition: Condition }
  | {
      readonly do: 'change'
      readonly name: string
      readonly to?: string
      readonly metadata?: Readonly<Record<string, string>>
      readonly condition: Condition
    }
  | {
      readonly do: 'list'
      readonly prefix: string
      readonly delimiter?: string
      /** All pages are asked for, one after the other. */
      readonly limit: number
    }
  | {
      readonly do: 'create'
      readonly slot: number
      readonly dialect: 'tus' | 'draft'
      readonly name: string
      readonly content: number
      readonly isPartial: boolean
    }
  /** At most so many of the bytes that are missing. */
  | {
      readonly do: 'append'
      readonly slot: number
      readonly bytes: number
      readonly checksum: 'none' | 'right' | 'wrong'
    }
  | { readonly do: 'terminate'; readonly slot: number }
  | { readonly do: 'join'; readonly slots: readonly number[]; readonly name: string }
  | { readonly do: 'collect' | 'scrub' | 'restart' }
  /** A bit of a chunk of the file, the one that has the byte at that part of it. */
  | { readonly do: 'flip'; readonly name: string; readonly at: number }

export type Kind = Operation['do']
