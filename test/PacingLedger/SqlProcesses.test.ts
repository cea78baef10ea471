/** A log that processes of their own share. */
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { violations } from "../utils/PacingChecker.js"
import * as PacingProcesses from "../utils/PacingProcesses.js"
import * as SqlStores from "../utils/SqlStores.js"

it.scopedLive(
  "processes whose requests all come at once keep the rules together, and share what there is",
  () =>
    Effect.gen(function* () {
      const file = join(yield* SqlStores.folder, "operations.sqlite")
      const [limit, windowMillis, marginMillis, count] = [10, 200, 60, 40]
      const processes = yield* Effect.forEach([1, 2], () =>
        PacingProcesses.start({ file, limit, windowMillis, marginMillis, count }),
      )
      for (const { ready } of processes) expect(yield* ready).toBe("ready")
      for (const { go } of processes) yield* go
      const outcomes = yield* Effect.forEach(processes, ({ outcome }) => outcome, { concurrency: 2 })
      expect(outcomes.map((starts) => starts.length)).toEqual([count, count])
      const rule = { name: "all", limit, windowMillis, key: () => "" }
      const starts = outcomes.flat().map((at) => ({ at, request: undefined }))
      expect(violations([rule], starts)).toEqual([])
      const from = Math.max(...outcomes.map((starts) => Math.min(...starts)))
      const to = Math.min(...outcomes.map((starts) => Math.max(...starts)))
      const shares = outcomes.map((starts) => starts.filter((at) => at >= from && at <= to).length)
      expect(Math.min(...shares)).toBeGreaterThan(0.3 * Math.max(...shares) - limit)
    }),
)
