/** Where the loads of the benchmark `cancel` come from, and how each of the places is tried. */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import type * as CandleSource from "../../src/data/CandleSource.js"
import type { Mode } from "../../src/hosts/ib/IbPacing.js"
import * as SimulatedMarket from "../../src/hosts/ib/SimulatedMarket.js"
import * as Main from "../../src/node/Main.js"
import type { Ports } from "./cancelChild.js"
import * as Loads from "./cancelLoads.js"
import * as Trial from "./cancelTrial.js"
import * as Part from "./part.js"

export type Group = "local" | "live" | "dead"

export interface Setting {
  readonly name: string
  readonly group: Group
  /** Cancels to be made; loads that had ended before come on top. */
  readonly trials: number
  /** So many batches at once. */
  readonly width: number
  /** None where each batch has one of its own. */
  readonly system: Trial.System | undefined
  readonly batch: (number: number) => Effect.Effect<ReadonlyArray<Trial.Trial>>
}

type Others = Effect.Effect.Success<typeof Trial.canceller>

const seed = 20_240_301

/** All of them, under a folder; they end with the scope. */
export const make = (folder: string, others: Others) => {
  const open = <E>(name: string, source: Layer.Layer<CandleSource.CandleSource, E>, mode?: Mode) =>
    Effect.gen(function* () {
      const home = join(folder, name)
      mkdirSync(home)
      const made = yield* Trial.system(home, source, mode)
      yield* others.open(home)
      return made
    })

  /**
   * Each load is cancelled within so many milliseconds; where loads of that size come to their end soon, every
   * other one after a part of it was done.
   */
  const each = (
    given: Omit<Setting, "batch"> & { readonly system: Trial.System },
    longest: number,
    isSoonDone = given.group === "local",
  ): Setting => ({
    ...given,
    batch: (number) =>
      Effect.gen(function* () {
        const size = yield* sizeOf
        const load = yield* Loads.load(size)
        const point = yield* Random.next
        const by = yield* byWhom
        const delay =
          isSoonDone && size !== "long" && (yield* Random.nextBoolean)
            ? Effect.timeoutOption(load.reached(point), "10 seconds")
            : Effect.sleep(Math.floor(point * longest))
        return [yield* Trial.run(given.system, others.cancel, load, by, delay)]
      }).pipe(seeded(given.name, number)),
  })

  /** Loads that are at work when `die` makes their host one that is dead, and are cancelled after that. */
  const together = (system: Trial.System, die: () => void) =>
    Effect.gen(function* () {
      const isDead = yield* Deferred.make<void>()
      const dying = Effect.zipRight(
        Effect.delay(Effect.sync(die), yield* Random.nextIntBetween(0, 800)),
        Deferred.succeed(isDead, undefined),
      )
      const plan = Effect.all({
        load: Loads.load("long"),
        delay: Random.nextIntBetween(0, 2000),
        by: byWhom,
      })
      const plans = yield* Effect.forEach(Array.from({ length: atOnce }), () => plan)
      const trials = Effect.forEach(
        plans,
        ({ by, delay, load }) =>
          Trial.run(
            system,
            others.cancel,
            load,
            by,
            Effect.zipRight(Deferred.await(isDead), Effect.sleep(delay)),
          ),
        { concurrency: "unbounded" },
      )
      const [found] = yield* Effect.all([trials, dying], { concurrency: 2 })
      return found
    })

  /** The same where each batch has a client of its own, whose circuit is closed while the loads begin. */
  const fresh = <E>(
    name: string,
    trials: number,
    host: Effect.Effect<{ readonly port: number; readonly die: () => void }, E, Scope.Scope>,
  ): Setting => ({
    name,
    group: "dead",
    trials,
    width: 1,
    system: undefined,
    batch: (number) =>
      Effect.gen(function* () {
        const { die, port } = yield* host
        const system = yield* open(`${name.replaceAll(" ", "-")}-${number}`, at(port))
        return yield* together(system, die)
      }).pipe(Effect.scoped, Effect.orDie, seeded(name, number)),
  })

  return Effect.gen(function* () {
    const live = yield* Part.ibHost(40)
    const stopped = yield* Part.ibHost(5)
    const ports = yield* Effect.flatMap(Part.start("cancel-host"), (hosts) => hosts.next<Ports>())

    const simulated = yield* open("simulated", SimulatedMarket.layer({ seed: 1 }))
    const embedded = yield* open("embedded", Main.layerEmbedded({ seed: 1 }))
    const alive = yield* open("live", at(live.port))
    const paced = yield* open("paced", at(live.port), "strict")
    const suspended = yield* open("stopped", at(stopped.port))
    const mute = yield* open("mute", at(ports.mute))
    const stalled = yield* open("stalled", at(ports.stalled))

    const local = { group: "local", width: 2 } as const
    const dead = { group: "dead", width: 15 } as const
    const settings: ReadonlyArray<Setting> = [
      each({ ...local, name: "no network", trials: 200, system: simulated }, 800),
      each({ ...local, name: "embedded host", trials: 200, system: embedded }, 800),
      each({ name: "takes 40 ms", group: "live", trials: 250, width: 4, system: alive }, 1500, true),
      each({ name: "at the strict pace of IB", group: "live", trials: 50, width: 5, system: paced }, 1500),
      each({ ...dead, name: "takes connections, says nothing", trials: 64, system: mute }, 3000),
      each({ ...dead, name: "begins to answer, no more", trials: 44, system: stalled }, 3000),
      fresh("resets connections", 36, Effect.succeed({ port: ports.reset, die: () => {} })),
      fresh("nobody listens", 36, Effect.succeed({ port: ports.refused, die: () => {} })),
      {
        name: "stopped while it answers",
        group: "dead",
        trials: 5 * atOnce,
        width: 1,
        system: suspended,
        batch: (number) =>
          together(suspended, () => stopped.child.kill("SIGSTOP")).pipe(
            Effect.ensuring(Effect.sync(() => stopped.child.kill("SIGCONT"))),
            seeded("stopped", number),
          ),
      },
      fresh(
        "killed while it answers",
        5 * atOnce,
        Effect.map(Part.ibHost(5), ({ child, port }) => ({ port, die: () => child.kill("SIGKILL") })),
      ),
    ]
    return settings
  })
}

/** Loads, and cancels some: what is open for good is open then. */
export const warmUp = (setting: Setting, others: Others): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { group, system } = setting
    if (system === undefined) return
    for (const { by, delay, size } of group === "dead" ? rehearsal.slice(1) : rehearsal) {
      const load = yield* Loads.load(size)
      yield* Trial.run(system, others.cancel, load, by, Effect.sleep(delay))
    }
  }).pipe(seeded("warm up", 0))

// ---------------------------------------------------------------------------------------------------------

/** Loads at once, of a host that dies. */
const atOnce = 12

const rehearsal = [
  { size: "short", by: "here", delay: 3000 },
  { size: "long", by: "here", delay: 500 },
  { size: "long", by: "there", delay: 500 },
] as const

const at = (port: number) => Main.layerHost(`http://127.0.0.1:${port}`)

const sizeOf = Effect.map(
  Random.next,
  (die): Loads.Size => (die < 0.5 ? "long" : die < 0.75 ? "middle" : "short"),
)

const byWhom = Effect.map(Random.next, (die): Trial.Trial["by"] => (die < 0.25 ? "there" : "here"))

const seeded = (name: string, number: number) => Effect.withRandom(Random.make(`${seed} ${name} ${number}`))
