/**
 * Loads as processes of their own that are killed or suspended.
 *
 * Killing loses nothing: a process that loads is killed with SIGKILL, in each kind of change that it makes to
 * its store, and the process that completes the load leaves the files of a load that nobody killed. Suspending
 * doubles nothing: another process takes the series over, and the first one, when it goes on, finds it done.
 */
import { afterAll, beforeAll, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as CrashCampaign from "../../utils/CrashCampaign.js"
import type * as Protocol from "../../utils/CrashProtocol.js"

const stop = (phase: Protocol.Phase, call: number, moment: Protocol.Moment): Protocol.Stop => ({
  phase,
  call,
  moment,
  share: 0.6,
  millis: 2,
})

/** Each list is a load, killed at the first stop, killed again while it is resumed at the second, and so on. */
const loads = [
  [stop("fetch", 6, "during"), stop("rename", 1, "before")],
  [stop("append", 6, "part"), stop("fold", 1, "part"), stop("manifest", 2, "before")],
]

/** A load each. */
const suspensions = [stop("append", 9, "part"), stop("rename", 1, "before"), stop("manifest", 4, "before")]

const scope = Effect.runSync(Scope.make())
let campaign: CrashCampaign.Campaign

beforeAll(async () => {
  campaign = await Effect.runPromise(Scope.extend(CrashCampaign.make, scope))
}, 60_000)

afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

it.live(
  "five kills: each leaves a sound store, nothing is asked again, the files are as if none had been",
  () =>
    Effect.gen(function* () {
      for (const calls of Object.values(campaign.counts)) expect(calls).toBeGreaterThan(0)
      const kills = (yield* Effect.forEach(loads, campaign.trial, { concurrency: 2 })).flat()
      expect(kills.map(({ phase }) => phase)).toEqual(loads.flat().map(({ phase }) => phase))
      for (const kill of kills) {
        expect(kill).toMatchObject({ faults: [], identical: true, again: 0 })
        expect(kill.inside || kill.moment === "during").toBe(true)
      }
      expect(kills.some(({ requests }) => requests > 0)).toBe(true)
    }),
  60_000,
)

it.live(
  "a load that is suspended for longer than its lease writes nothing more, and both loads end well",
  () =>
    Effect.gen(function* () {
      const found = yield* Effect.forEach(suspensions, campaign.suspension, { concurrency: 3 })
      for (const one of found) {
        expect(one).toEqual({ agreed: true, identical: true, untouched: true, again: 0 })
      }
    }),
  60_000,
)
