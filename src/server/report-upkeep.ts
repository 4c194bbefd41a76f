import type { Logger } from 'pino'
import type { CollectionReport } from '../files/upkeep/collect-regularly.ts'
import type { ManifestReport } from '../files/upkeep/scrub-manifests.ts'
import type { ScrubReport } from '../files/upkeep/scrub.ts'
import type { HttpMetrics } from '../http/server/metrics.ts'

/** Reports collections in the log and the metrics. */
export function reportCollection(log: Logger, metrics: HttpMetrics): CollectionReport {
  return {
    collected(garbage) {
      metrics.collected(garbage)
      if (garbage.chunks + garbage.uploads > 0) log.info(garbage, 'collected garbage')
    },
    foundOrphans(found) {
      metrics.foundOrphans(found.orphans)
      if (found.orphans === 0) return
      log.warn(found, 'found chunks that the catalog has never heard of: they go after --orphan-grace')
    },
  }
}

/** Reports what the scrub finds: one line per chunk whose condition changed. */
export function reportScrub(log: Logger, metrics: HttpMetrics): ScrubReport {
  return {
    checked: (bytes) => metrics.scrubbed(bytes),
    found({ condition, digest, location, holders }) {
      const files = holders.map(({ id, name, isUpload }) => ({ id, name, isUpload }))
      log.error(
        { digest, location, condition, files },
        `a chunk is ${condition}: restore it from a backup, or upload the same content again`,
      )
    },
  }
}

/** Reports manifests that the scrub mended. */
export function reportManifests(log: Logger, metrics: HttpMetrics): ManifestReport {
  return {
    mended(manifest) {
      metrics.mendedManifest()
      log.warn(manifest, `the manifest of a file was ${manifest.condition}: wrote it anew from the catalog`)
    },
  }
}
