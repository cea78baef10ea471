/**
 * Every command. What a command does is loaded when it is run.
 */
import type { Entry } from "./Entry.js"
import * as FillCommands from "./FillCommands.js"
import * as LookCommands from "./LookCommands.js"
import * as OperationCommands from "./OperationCommands.js"
import * as SystemCommands from "./SystemCommands.js"
import * as TrainCommands from "./TrainCommands.js"

export const all: ReadonlyArray<Entry> = [
  ...FillCommands.all,
  ...LookCommands.all,
  ...TrainCommands.all,
  ...OperationCommands.all,
  ...SystemCommands.all,
]
