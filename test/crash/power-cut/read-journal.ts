const headBytes = 32
const kinds = [
  undefined,
  'create',
  'write',
  'truncate',
  'sync-begin',
  'sync-end',
  'mkdir',
  'unlink',
  'rmdir',
  'rename',
  'link',
  'unsupported',
] as const

/**
 * What recording-shim.c has recorded. Files and directories go by their inodes, which are used
 * again.
 */
export interface JournalRecord {
  readonly kind: Exclude<(typeof kinds)[number], undefined>
  readonly object: bigint
  /**
   * Of a write the offset, of a truncation the new size, of a sync what its begin and its end have
   * in common.
   */
  readonly number: number
  /** Empty where the object says it all; of what is unsupported the call. */
  readonly path: string
  /** Of a write what was written, of a rename or a link the new path. */
  readonly bytes: Buffer
  /** Bytes of the journal up to the end of this record. */
  readonly end: number
}

/**
 * The records of a journal, in order. The last one may have been cut short by a kill, and is left
 * out then.
 */
export function* readJournal(journal: Buffer): Generator<JournalRecord> {
  for (let at = 0; at + headBytes <= journal.length;) {
    const kind = kinds[journal.readUInt32LE(at)]
    if (!kind) throw new Error(`the journal has no record at ${at}`)
    const bytesAt = at + headBytes + journal.readUInt32LE(at + 4)
    const end = bytesAt + Number(journal.readBigUInt64LE(at + 24))
    if (end > journal.length) return
    const path = journal.toString('utf8', at + headBytes, bytesAt)
    const object = journal.readBigUInt64LE(at + 8)
    const number = Number(journal.readBigUInt64LE(at + 16))
    yield { kind, object, number, path, bytes: journal.subarray(bytesAt, end), end }
    at = end
  }
}
