import { httpLarge } from './http/http-large.ts'
import { httpSmall } from './http/http-small.ts'
import { ranges } from './http/ranges.ts'
import { scaleOverHttp } from './http/scale-over-http.ts'
import { againstGo } from './original/against-go.ts'
import { runSuites } from './run-suites.ts'

await runSuites('bench-peers', {
  original: againstGo,
  'http-large': httpLarge,
  'http-small': httpSmall,
  ranges,
  'http-scale': scaleOverHttp,
})
