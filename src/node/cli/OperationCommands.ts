/**
 * The commands that look at operations, end them, and start them.
 */
import * as Args from "@effect/cli/Args"
import * as Options from "@effect/cli/Options"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { HostError } from "../../HostError.js"
import { Status } from "../../OperationStatus.js"
import type { Operations } from "../../Operations.js"
import type { Output } from "../Output.js"
import { type Entry, make } from "./Entry.js"
import * as Fields from "./Fields.js"

const id = Args.text({ name: "ID" }).pipe(
  Args.withDescription("An id, or enough of its beginning or end: its last 8 digits"),
)

const ids = Args.text({ name: "ID" }).pipe(
  Args.withDescription("An id, or enough of its beginning or end; none with --all"),
  Args.between(0, 1),
  Args.map(([first]) => first),
)

const json = Fields.json
const noProgress = Fields.flag("no-progress", "Show no progress")

const statuses = Fields.option(
  "status",
  Status.literals.join("|"),
  "In this state, or in one of several: failed,cancelled",
  (text) => {
    const found = text.split(",").map((word) => Status.literals.find((known) => known === word))
    return found.every((word) => word !== undefined)
      ? Either.right(found)
      : Either.left(Fields.refusal("status", `one or more of ${Status.literals.join(",")}`, text))
  },
)

const pacings = ["strict", "adaptive", "none"] as const

/** How an operation is run that a command starts. */
const run = {
  host: Fields.text(
    "host",
    "URL",
    "URL of the IB or training host; as data load or train find it if left out",
  ),
  pacing: Fields.choice("pacing", "adaptive (the default), strict or none, as data load has it", pacings),
  calendar: Fields.calendar,
  detach: Fields.flag("detach", "Run it in the background, and print its id"),
  server: Fields.server,
  json: Fields.flag("json", "Reports as JSON lines, progress as JSON lines on standard error"),
  noProgress,
}

/** The same of one that goes on with another, or does it again. */
const again = {
  ...run,
  host: Fields.text("host", "URL", "URL of the IB or training host; that of before where left out"),
  pacing: Fields.choice("pacing", "As data load has it; that of before where left out", pacings),
}

export const all: ReadonlyArray<Entry> = [
  make(
    ["operations", "list"],
    "List the operations that run or ran, newest first, of every process of this home",
    {
      statuses,
      kind: Fields.text("kind", "KIND", "Of this kind, such as data_load"),
      active: Fields.flag("active", "Those that have not ended"),
      limit: Fields.integer("limit", "At most so many; 20 by default", 1, 10_000),
      offset: Fields.integer("offset", "After so many others", 0, 1e9),
      server: Fields.server,
      json,
    },
    (given) =>
      Effect.flatMap(
        Effect.promise(() => import("./OperationsList.js")),
        (_) => reaching(given.server, _.run(given)),
      ),
    [
      ["operations list", "The last 20: id, state, how much is done, since when, and what it says"],
      ["operations list --active --json", "Those at work, as JSON lines"],
      ["operations list --status failed,cancelled --limit 5", "What did not come to its end, and why"],
    ],
  ),
  make(
    ["operations", "show"],
    "Say all that is known of an operation, and what can be done with it",
    { id, server: Fields.server, json },
    (given) =>
      Effect.flatMap(
        Effect.promise(() => import("./OperationsShow.js")),
        (_) => reaching(given.server, _.run(given)),
      ),
    [
      ["operations show 1a2b3c4d", "Times, payload, steps, warnings, how it ended, what it kept or came to"],
      ["operations show op_data_load_20261125_111405_1a2b3c4d --json", "The same as one JSON line"],
    ],
  ),
  make(
    ["operations", "watch"],
    "Show the progress of an operation, whoever runs it; exits with 1 failed, 130 cancelled",
    {
      id,
      json: Fields.flag(
        "json",
        "The record at the end as a JSON line, progress as JSON lines on standard error",
      ),
      noProgress,
      server: Fields.server,
    },
    (given) =>
      Effect.flatMap(
        Effect.promise(() => import("./OperationsWatch.js")),
        (_) => reaching(given.server, _.run(given)),
      ),
    [
      ["operations watch 1a2b3c4d", "Until it ends; Ctrl-C ends the watching alone, and exits with 130"],
      ["operations watch 1a2b3c4d --no-progress", "Waits, and says how it ended"],
    ],
  ),
  make(
    ["operations", "cancel"],
    "End an operation of any process, or all; exits with 1 where one had ended before",
    {
      id: ids,
      all: Fields.flag("all", "Every operation that has not ended"),
      reason: Fields.text("reason", "TEXT", "Why: its record says so for good"),
      server: Fields.server,
      json,
    },
    (given) =>
      Effect.flatMap(
        Effect.promise(() => import("./OperationsCancel.js")),
        (_) => reaching(given.server, _.run(given)),
      ),
    [
      ["operations cancel 1a2b3c4d --reason 'wrong symbol'", "Says what it kept, and how to go on"],
      ["operations cancel --all", "Each, and what became of it"],
    ],
  ),
  make(
    ["operations", "resume"],
    "Go on with an operation that failed or was cancelled, as a new one",
    { id, ...again },
    (given) =>
      Effect.flatMap(
        Effect.promise(() => import("./OperationsAgain.js")),
        (_) => _.run("resume", given),
      ),
    [
      ["operations resume 1a2b3c4d", "Fetches what is missing, from the host that it loaded from before"],
      ["operations resume 1a2b3c4d --detach", "In the background"],
    ],
  ),
  make(
    ["operations", "retry"],
    "Do an operation that failed or was cancelled again from its beginning, as a new one",
    { id, ...again },
    (given) =>
      Effect.flatMap(
        Effect.promise(() => import("./OperationsAgain.js")),
        (_) => _.run("retry", given),
      ),
    [["operations retry 1a2b3c4d --host http://127.0.0.1:5001", "From another host than before"]],
  ),
  make(
    ["operations", "start"],
    "Start an operation of any kind with a payload in JSON",
    {
      kind: Args.text({ name: "KIND" }).pipe(
        Args.withDescription("Such as data_load, data_load_many or training"),
      ),
      payload: Options.text("payload").pipe(
        Options.withPseudoName("FILE"),
        Options.withDescription("A JSON file; - for standard input"),
      ),
      ...run,
    },
    (given) =>
      Effect.flatMap(
        Effect.promise(() => import("./OperationsStart.js")),
        (_) => _.run(given),
      ),
    [
      [
        "operations start data_load --payload load.json",
        'Such as {"symbol":"SPX","timeframe":"1d","mode":"full"}',
      ],
      ["operations start data_load --payload - --detach < load.json", "In the background"],
    ],
  ),
]

// ---------------------------------------------------------------------------------------------------------

/** Runs the program over the operations of this home, or of a server. */
const reaching = <E>(
  server: string | undefined,
  program: Effect.Effect<void, E, Operations | Output>,
): Effect.Effect<void, E | ConfigError | HostError, Output> =>
  Effect.flatMap(
    Effect.promise(() => import("./OperationsReach.js")),
    ({ over }) => Effect.provide(program, over(server)),
  )
