import type { AddHelpTextContext } from 'commander'

/** Help is no wider than this, however wide the terminal is. */
const maxHelpWidth = 110
/**
 * With less room than this for their descriptions, options would be printed without line breaks.
 */
const minDescriptionWidth = 24

export function helpWidth({ columns }: { readonly columns?: number }): number {
  return Math.min(maxHelpWidth, columns ?? maxHelpWidth)
}

/** How commander lays out what it prints by itself. */
export const helpLayout = { minWidthToWrap: minDescriptionWidth }

/** For `addHelpText`: paragraphs are wrapped to the terminal, indented lines stay as they are. */
export function fitted(text: string): (context: AddHelpTextContext) => string {
  return ({ error }) => wrapParagraphs(text, helpWidth(error ? process.stderr : process.stdout))
}

function wrapParagraphs(text: string, width: number): string {
  const paragraphs = text.split('\n\n')
  return paragraphs.map((paragraph) => wrapParagraph(paragraph, width)).join('\n\n')
}

function wrapParagraph(paragraph: string, width: number): string {
  if (/^ |\n /.test(paragraph)) return paragraph
  const [leading] = /^\n*/.exec(paragraph)!
  const lines: string[] = []
  for (const word of paragraph.split(/\s+/).filter((one) => one !== '')) {
    const line = lines.at(-1)
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = `${line} ${word}`
  }
  return leading + lines.join('\n')
}
