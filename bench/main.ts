import { originalExperiment } from './original/original-experiment.ts'
import { pipelineOverhead } from './pipeline-overhead.ts'
import { runSuites } from './run-suites.ts'
import { scaleInProcess } from './scale/scale-in-process.ts'
import { upkeep } from './upkeep/upkeep.ts'

await runSuites('bench', {
  original: originalExperiment,
  pipeline: pipelineOverhead,
  scale: scaleInProcess,
  upkeep,
})
