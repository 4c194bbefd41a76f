import type { z } from 'zod'

/** The first thing that is wrong, in one line that begins with where it is. */
export function describeIssue({ issues: [issue] }: z.core.$ZodError): string {
  if (!issue) throw new TypeError('an error without an issue')
  const place = issue.path.map(String)
  // What is wrong with a key stands one level deeper than what is wrong with a value.
  const message = issue.code === 'invalid_key' ? `key: ${issue.issues[0]?.message}` : issue.message
  return [place.join('.'), message].filter((part) => part !== '').join(': ')
}
