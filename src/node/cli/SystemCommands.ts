/**
 * The commands about this machine: hosts, and what shows that all is well.
 */
import * as Args from "@effect/cli/Args"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type Entry, make, service, withCalendars } from "./Entry.js"
import * as Fields from "./Fields.js"

const shells = ["bash", "zsh", "fish"] as const

const shell = Args.text({ name: shells.join("|") }).pipe(
  Args.withDescription("The shell that is to read it"),
  Args.mapEffect((text) =>
    Either.fromNullable(
      shells.find((known) => known === text),
      () =>
        HelpDoc.p(`shell: expected one of ${shells.join(" ")}, found ${JSON.stringify(text.slice(0, 60))}`),
    ),
  ),
)

export const all: ReadonlyArray<Entry> = [
  service(
    make(
      ["serve"],
      "Serve the API over HTTP, until Ctrl-C",
      {
        port: Fields.integer("port", "8000 by default; 0 for any free one", 0, 65_535),
        host: Fields.text(
          "host",
          "ADDRESS",
          "The address to listen on; 127.0.0.1 by default, others need KTRDR_API_TOKEN",
        ),
        ibHost: Fields.text(
          "ib-host",
          "URL",
          "URL of the IB host; else IB_HOST_SERVICE_URL, else an embedded host",
        ),
        pacing: Options.map(
          Fields.choice("pacing", "adaptive (the default): the IB rules; strict: for longer bars too; none", [
            "strict",
            "adaptive",
            "none",
          ]),
          (mode) => mode ?? "adaptive",
        ),
        calendar: Fields.calendar,
      },
      (given) =>
        withCalendars(
          given.calendar,
          Effect.flatMap(
            Effect.promise(() => import("./Serve.js")),
            (_) => _.run(given),
          ),
        ),
      [
        ["serve", "On port 8000 of this machine, /docs shows what there is"],
        ["serve --port 0 --ib-host http://127.0.0.1:5001", "On any free port, over a host of yours"],
        ["serve --host 0.0.0.0", "For other machines as well, whoever shows the token of KTRDR_API_TOKEN"],
      ],
    ),
  ),
  service(
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
  ),
  service(
    make(
      ["host", "training"],
      "Train models over HTTP as a training host does, until Ctrl-C",
      {
        port: Fields.integer("port", "5002 by default; 0 for any free one", 0, 65_535),
        host: Fields.text(
          "host",
          "ADDRESS",
          "The address to listen on; 127.0.0.1 by default, others need KTRDR_HOST_TOKEN",
        ),
        maxSessions: Fields.integer("max-sessions", "Sessions that train at once; 1 by default", 1, 64),
        modelsDir: Fields.text("models-dir", "DIR", "Keep models in DIR/models; in the home by default"),
        strategies: Fields.text("strategies", "DIR", "The folder of strategy files that clients name"),
        abandonAfter: Fields.duration(
          "abandon-after",
          "When a session that nobody asks about is said to be abandoned; 10 minutes by default",
        ),
      },
      (given) =>
        Effect.flatMap(
          Effect.promise(() => import("./HostTraining.js")),
          (_) => _.run(given),
        ),
      [
        ["host training", "On port 5002 of this machine, one session at a time"],
        ["host training --max-sessions 2 --strategies ./strategies", "Two at once, of strategies of yours"],
        ["host training --host 0.0.0.0", "For other machines as well, whoever shows KTRDR_HOST_TOKEN"],
      ],
    ),
  ),
  make(
    ["doctor"],
    "Say what is configured, reachable, writable and up to date, and what to do about the rest",
    {
      host: Fields.text("host", "URL", "URL of the IB host; else IB_HOST_SERVICE_URL"),
      json: Fields.flag("json", "One JSON line, progress as JSON lines on standard error"),
    },
    (given) =>
      Effect.flatMap(
        Effect.promise(() => import("./Doctor.js")),
        (_) => _.run(given),
      ),
    [
      ["doctor", "Changes nothing; exits with 1 when there is a problem"],
      ["doctor --host http://127.0.0.1:5001", "The same, and whether that host answers"],
    ],
  ),
  make(
    ["completions"],
    "Print a script with which a shell completes commands, options and symbols",
    { shell },
    (given) =>
      Effect.flatMap(
        Effect.promise(() => import("./Completions.js")),
        (_) => _.print(given.shell),
      ),
    [
      ["completions bash > ~/.local/share/bash-completion/completions/ktrdr", "For every bash to come"],
      ["completions zsh > ~/.zfunc/_ktrdr", "For zsh, where ~/.zfunc is a folder of fpath"],
      ["completions fish > ~/.config/fish/completions/ktrdr.fish", "For fish"],
    ],
  ),
  make(
    ["demo"],
    "Load bars from an embedded host and train a model on them, in some ten seconds",
    { noProgress: Fields.flag("no-progress", "Show no progress") },
    (given) =>
      Effect.flatMap(
        Effect.promise(() => import("./Demo.js")),
        (_) => _.run(given),
      ),
    [["demo", "Leaves nothing behind but the model"]],
  ),
]
