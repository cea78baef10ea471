/** A few of the operations that the benchmark `soak` goes on with for minutes. */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { serve } from "./hosts/ib/Hosts.js"
import * as TrainingHosts from "./hosts/training/TrainingHosts.js"
import * as SoakCampaign from "./utils/SoakCampaign.js"

const portOf = (url: string): number => Number(new URL(url).port)

it.scopedLive(
  "loads, trainings, cancels and watchers agree on how each operation ended, whatever the hosts do",
  () =>
    Effect.gen(function* () {
      const { one, proxies } = yield* SoakCampaign.make({
        home: yield* TrainingHosts.home,
        ib: portOf(yield* serve()),
        training: portOf(yield* TrainingHosts.serve({ maxSessions: 100 })),
        seed: 1,
        exchanges: 1000,
      })
      const seeds = Array.from({ length: 16 }, (_, index) => index + 1)
      const ended = yield* Effect.forEach(seeds, one, { concurrency: 8 })
      expect(ended.flatMap(({ faults }) => faults)).toEqual([])
      const count = (key: "kind" | "status", value: string) =>
        ended.filter((one) => one[key] === value).length
      expect(count("kind", "load")).toBeGreaterThan(5)
      expect(count("kind", "training")).toBeGreaterThan(2)
      expect(count("status", "completed")).toBeGreaterThan(2)
      expect(count("status", "cancelled")).toBeGreaterThan(2)
      expect(proxies.flatMap(({ journal }) => journal).length).toBeGreaterThan(0)
    }).pipe(Logger.withMinimumLogLevel(LogLevel.None)),
  60_000,
)
