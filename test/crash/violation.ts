/**
 * A promise of the server that does not hold. Everything else that is thrown is a failure of the
 * harness, or of a connection.
 */
export class Violation extends Error {
  override readonly name = 'Violation'
  /** Of the file concerned, if it is about one. */
  readonly fileName: string | undefined

  constructor(message: string, fileName?: string) {
    super(message)
    this.fileName = fileName
  }
}
