import type { Command } from 'commander'

/** `ashlar serve`: the server in this process. Its flags are those of the configuration, which also has the help. */
export function serve(command: Command): void {
  command
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async () => {
      const { main } = await import('../main.ts')
      await main(command.args, process.env)
    })
}
