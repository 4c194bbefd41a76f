import { resolveToLoopback } from '../resolve-to-loopback.ts'

// For `node --import`.
resolveToLoopback(process.env['RESOLVED_NAME'] ?? '')
