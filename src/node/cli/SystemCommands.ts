/**
 * The commands about this machine: hosts, and what shows that all is well.
 */
import * as Effect from "effect/Effect"
import { type Entry, make } from "./Entry.js"
import * as Fields from "./Fields.js"

export const all: ReadonlyArray<Entry> = [
  make(
    ["host", "ib"],
    "Serve bars over HTTP as an IB host does, until Ctrl-C",
    {
      port: Fields.integer("port", "5001 by default; 0 for any free one", 0, 65_535),
      host: Fields.text("host", "ADDRESS", "The address to listen on; 127.0.0.1 by default"),
      source: Fields.text("source", "SOURCE", "simulated (the default), sample or csv:DIR"),
      seed: Fields.integer("seed", "Of the simulated market and of faults; 1 by default", 0, 2 ** 31 - 1),
      faults: Fields.text("faults", "SPEC", "Faults on purpose: all=0.05, or latency=0.1,reset=0.02"),
    },
    (given) =>
      Effect.flatMap(
        Effect.promise(() => import("./HostIb.js")),
        (_) => _.run(given),
      ),
    [
      ["host ib", "A simulated market on port 5001"],
      [
        "host ib --port 5002 --source csv:./bars --faults latency=0.2",
        "A folder of CSV files, at times slowly",
      ],
    ],
  ),
  make(
    ["demo"],
    "Load real and simulated bars from an embedded host, in about ten seconds",
    { noProgress: Fields.flag("no-progress", "Show no progress") },
    (given) =>
      Effect.flatMap(
        Effect.promise(() => import("./Demo.js")),
        (_) => _.run(given),
      ),
    [["demo", "Leaves nothing behind"]],
  ),
]
