import { createServer } from 'node:http'
import { FileStore } from '@tus/file-store'
import { Server } from '@tus/server'

// tus as most on Node serve it; it neither syncs nor hashes.
const [port, directory] = process.argv.slice(2) as [string, string]
const tus = new Server({ path: '/uploads', datastore: new FileStore({ directory }) })
createServer((req, res) => void tus.handle(req, res)).listen(Number(port), '127.0.0.1')
