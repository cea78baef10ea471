/**
 * Builds the library (JavaScript and types) and the command into dist.
 */
import { spawnSync } from "node:child_process"
import { readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))

/**
 * The command, which is replaced file by file (who runs it keeps what it has loaded, and loads Worker.js with its next
 * training), and benchmarks that may be running.
 */
const kept = new Set(["bin.js", "Worker.js", "bench"])

for (const name of readdirSync(root).includes("dist") ? readdirSync(join(root, "dist")) : []) {
  if (!kept.has(name)) rmSync(join(root, "dist", name), { recursive: true, force: true })
}
run([join("node_modules", "typescript", "bin", "tsc"), "--project", ".tsconfig.build.json"])
run([join(".ci", "prepare.mjs"), "--bundle"])

function run(args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" })
  if (status !== 0) process.exit(status ?? 1)
}
