#!/usr/bin/env node
import * as Cli from "./Cli.js"
import * as Shell from "./cli/Shell.js"
import { runMain } from "./RunMain.js"

runMain(Cli.run(process.argv.slice(2), Shell.program(process.argv[1] ?? "", process.env)))
