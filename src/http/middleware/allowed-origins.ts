/** Origins whose pages may use this server from a browser, just as browsers name them; `*` for all. */
export type AllowedOrigins = '*' | readonly string[]

export function isAllowedOrigin(origins: AllowedOrigins, origin: string): boolean {
  return origins === '*' || origins.includes(origin)
}
