import { runServer } from './server/run-server.ts'

// The server, as the flags and variables say; `ashlar serve` starts the same.
await runServer(process.argv.slice(2), process.env)
