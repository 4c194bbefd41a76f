import type { Command } from 'commander'

/**
 * `ashlar serve`: the server in this process. Its flags are those of the configuration, which also
 * has the help.
 */
export function serve(command: Command): void {
  command
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async () => {
      const { runServer } = await import('../server/run-server.ts')
      await runServer(command.args, process.env)
    })
}
