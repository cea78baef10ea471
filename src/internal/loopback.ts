/** Whether an address can be reached from this machine only. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host)

/** Whether a `Host` header, where there is one, names this machine, or one of the other names that it may have. */
export const isHere = (header: string | undefined, others: ReadonlyArray<string> = []): boolean => {
  if (header === undefined) return true
  if (!URL.canParse(`http://${header}`)) return false
  const name = new URL(`http://${header}`).hostname.replace(/^\[|\]$/g, "")
  return isLoopback(name) || others.includes(name)
}
