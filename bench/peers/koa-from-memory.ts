import Koa from 'koa'

// Koa and nothing else: `/<bytes>` is answered with so many, out of memory.
const [port] = process.argv.slice(2)
const bodies = new Map<string, Buffer>()
const app = new Koa()
app.use((ctx) => {
  const body = bodies.get(ctx.path) ?? Buffer.alloc(Number(ctx.path.slice(1)), 'ashlar')
  bodies.set(ctx.path, body)
  ctx.body = body
})
app.listen(Number(port), '127.0.0.1')
