import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { fitted, helpLayout, helpWidth } from './terminal/help-text.ts'

type Declare = (command: Command) => void

interface CommandRow {
  readonly does: string
  /**
   * Loaded when it is the one that is asked for: all together take longer to load than most
   * commands take to run.
   */
  readonly load: () => Promise<Declare>
}

const commands: Readonly<Record<string, CommandRow>> = {
  serve: { does: 'start a server', load: async () => (await import('./serve.ts')).serve },
  put: { does: 'upload files and folders', load: async () => (await import('./transfer/put.ts')).put },
  get: { does: 'download files and folders', load: async () => (await import('./transfer/get.ts')).get },
  ls: { does: 'list files and folders', load: async () => (await import('./ls.ts')).ls },
  rm: { does: 'delete files and folders', load: async () => (await import('./rm.ts')).rm },
  info: { does: 'show the details of a file', load: async () => (await import('./info.ts')).info },
  uploads: {
    does: 'list and delete unfinished uploads',
    load: async () => (await import('./uploads.ts')).uploads,
  },
  gc: {
    does: 'free unused space in a store that no server has open',
    load: async () => (await import('./store/gc.ts')).gc,
  },
  fsck: { does: 'check a store for damage', load: async () => (await import('./store/fsck.ts')).fsck },
  rebuild: {
    does: 'make a new catalog for a store that has lost it',
    load: async () => (await import('./store/rebuild.ts')).rebuild,
  },
  export: {
    does: 'write files out of a store, without a server',
    load: async () => (await import('./store/export.ts')).exportFiles,
  },
  migrate: {
    does: 'copy a store to another one of any kind',
    load: async () => (await import('./store/migrate.ts')).migrate,
  },
}

const examples = `
Examples:
  ashlar serve --store /srv/files           a server on http://127.0.0.1:8080
  ashlar put -r photos                      uploads it; run again to resume
  ashlar ls -l photos
  ashlar get -r photos /tmp                 downloads to /tmp/photos
  ashlar put --help                         help of a command, with examples

A ref names a file: its name, or @ and its id. The commands use the server in --server or in the variable ASHLAR_URL, else
http://127.0.0.1:8080.

Exit codes: 0 all is well; 1 something failed, and a line on stderr says what; 2 wrong usage; 130 after Ctrl-C and 143 after
SIGTERM, and the same command resumes; 141 if nobody reads stdout any more.`

/**
 * The command line: `argv` is what follows the program's name. Resolves when all is done and said;
 * `process.exitCode` tells how it went.
 */
export async function ashlar(argv: readonly string[]): Promise<void> {
  const program = new Command('ashlar')
    .description('Ashlar, a chunked file store: the server, and the commands for it.')
    .version(ownVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', fitted(examples))
    .configureHelp(helpLayout)
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    .enablePositionalOptions()
    .configureOutput({
      getOutHelpWidth: () => helpWidth(process.stdout),
      getErrHelpWidth: () => helpWidth(process.stderr),
      outputError: (text, write) => write(text.replace(/^error: /, 'ashlar: ')),
    })
    .showHelpAfterError('See --help for usage.')
    .hook('preSubcommand', async (_, command) => {
      const declare = await commands[command.name()]?.load()
      declare?.(command)
    })
  for (const [name, { does }] of Object.entries(commands)) program.command(name).description(does)
  try {
    // What commander has for this does not load the command.
    const [first, ...rest] = argv
    await program.parseAsync(first === 'help' ? [...rest, '--help'] : argv, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    process.exitCode = error.exitCode === 0 ? 0 : 2
  }
}

function ownVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { readonly version: string }).version
}
