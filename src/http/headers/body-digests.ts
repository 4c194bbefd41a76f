import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { StoreError } from '../../model/errors.ts'
import type { ExpectedDigest } from './expected-digests.ts'

/** Checks a body that comes in pieces against every digest that came with it. */
export class BodyDigests {
  readonly #expected: readonly ExpectedDigest[]
  /** One for each algorithm, however many headers name it. */
  readonly #hashes: ReadonlyMap<string, Hash>

  constructor(expected: readonly ExpectedDigest[]) {
    this.#expected = expected
    this.#hashes = new Map(expected.map(({ algorithm }) => [algorithm, createHash(algorithm)]))
  }

  update(bytes: Uint8Array): void {
    for (const hash of this.#hashes.values()) hash.update(bytes)
  }

  /**
   * Call once, when the body is complete. Throws `digest_mismatch`, with the name of the header
   * that was wrong.
   */
  verify(): void {
    const actual = new Map([...this.#hashes].map(([algorithm, hash]) => [algorithm, hash.digest()]))
    for (const { algorithm, bytes, header } of this.#expected) {
      if (actual.get(algorithm)?.equals(bytes)) continue
      throw new StoreError(
        'digest_mismatch',
        `The body does not have the ${algorithm} digest that ${header} says: send it again.`,
      )
    }
  }
}
