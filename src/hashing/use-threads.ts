import { BusyCores } from './busy-cores.ts'

/** Whether a thread may verify what is read: always, never, or while cores are free. */
export function threadsFor(place: 'threads' | 'event-loop' | 'auto'): () => boolean {
  if (place === 'threads') return () => true
  if (place === 'event-loop') return () => false
  const cores = new BusyCores()
  return () => !cores.areBusy
}
