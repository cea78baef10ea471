/**
 * `ktrdr doctor`: what is configured, reachable, writable and up to date.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import pico from "picocolors"
import * as Progress from "../../Progress.js"
import * as Main from "../Main.js"
import * as Output from "../Output.js"
import * as Package from "../Package.js"
import * as TerminalProgress from "../TerminalProgress.js"
import * as DoctorHosts from "./DoctorHosts.js"
import * as DoctorMachine from "./DoctorMachine.js"
import * as DoctorReport from "./DoctorReport.js"
import * as DoctorSeries from "./DoctorSeries.js"
import { Incomplete, type Program } from "./Failure.js"

export interface Options {
  readonly host: string | undefined
  readonly json: boolean
}

/**
 * Looks at everything at once and tells it. Changes nothing but for a file that it writes to the home and
 * removes again. Ends within about five seconds, whatever hangs; fails with `Incomplete` where there is a problem.
 */
export const run = ({ host, json }: Options): Program =>
  Effect.gen(function* () {
    const home = yield* Main.home
    const checks = yield* TerminalProgress.make({ json, silent: false }).pipe(
      Effect.flatMap((observer) =>
        Progress.observe(examine(home, host), { observer, name: "Looking around" }),
      ),
      Effect.scoped,
    )
    const screen = (yield* Output.Output).screen()
    const colors = pico.createColors(screen.hasColor)
    yield* Output.line(json ? DoctorReport.json(checks) : DoctorReport.lines(checks, colors).join("\n"))
    if (DoctorReport.worst(checks) === "problem") return yield* new Incomplete()
  })

// ---------------------------------------------------------------------------------------------------------

/** What the series may take, in milliseconds. */
const budget = 4000

const examine = (home: string, host: string | undefined) =>
  Effect.all(
    [
      Effect.sync(() => [DoctorMachine.node(process.version, Package.leastNode())]),
      Effect.map(DoctorMachine.ktrdr, Array.of<DoctorReport.Check>),
      Effect.map(DoctorMachine.duckdb, Array.of<DoctorReport.Check>),
      Effect.map(DoctorMachine.settings, Array.of<DoctorReport.Check>),
      DoctorHosts.ib(host).pipe(Progress.step("ib host")),
      DoctorHosts.training.pipe(Progress.step("training host")),
      Effect.map(DoctorMachine.home(home).pipe(Progress.step("home")), Array.of<DoctorReport.Check>),
      DoctorSeries.checks(home, budget).pipe(Progress.step("series")),
    ],
    { concurrency: "unbounded" },
  ).pipe(
    Effect.map((found) => found.flat()),
    Effect.provide(NodeFileSystem.layer),
  )
