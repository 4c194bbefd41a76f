/** What the rounds that passed add up to. */
export class Tally {
  rounds = 0
  acknowledged = 0
  checks = 0

  /**
   * `checks` are files and uploads that were compared with what may be there, absent ones included.
   */
  add(rounds: number, acknowledged: number, checks: number): void {
    this.rounds += rounds
    this.acknowledged += acknowledged
    this.checks += checks
  }

  toString(): string {
    return `${this.rounds} rounds passed, ${this.acknowledged} operations acknowledged, ${this.checks} files and uploads checked`
  }
}
