/**
 * Makes a script of package.json work alone, in a fresh clone with nothing installed.
 *
 *   node .ci/prepare.mjs            installs what the lock file says, unless it is installed
 *   node .ci/prepare.mjs --bundle   also bundles the command into dist, unless that is newer than every source file
 *
 * Several may run at once. Nothing is written to standard output.
 */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
/** What the command consists of, in the order in which it comes to its place: what starts the others is last. */
const bundle = ["Worker.js", "bin.js"]

if (!isInstalled()) await alone(() => isInstalled() || install())
if (process.argv.includes("--bundle") && !isBundled()) makeBundle()

/** True when every package of the lock file stands in node_modules in its version. */
function isInstalled() {
  const locked = packagesOf(join(root, "package-lock.json"))
  const present = packagesOf(join(root, "node_modules", ".package-lock.json"))
  return Object.entries(locked).every(
    ([place, { version, optional }]) =>
      place === "" || (present[place] === undefined ? optional === true : present[place].version === version),
  )
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages ?? {}
  } catch {
    return {}
  }
}

/**
 * `npm ci` would insist on packages of other platforms, which a lock file lacks when the registry that it was
 * made with does not have them; `npm install` takes the locked versions and goes without those.
 */
function install() {
  process.stderr.write("Installing dependencies (once) ...\n")
  const windows = process.platform === "win32"
  run(windows ? "npm.cmd" : "npm", ["install", "--no-save", "--no-progress", "--loglevel=error"], windows)
}

/** True when nothing that goes into the bundle has changed since it was made. */
function isBundled() {
  const made = Math.min(...bundle.map((name) => changedAt(join(root, "dist", name))))
  const inputs = ["package.json", "package-lock.json", "tsconfig.json", ...sources("src")]
  return inputs.every((file) => changedAt(join(root, file)) <= made)
}

function sources(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length))
}

function changedAt(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

/**
 * Built beside its place and renamed into it, file by file, so that none is ever seen half written. Who runs the old
 * command meanwhile keeps it, but starts the new Worker.js with its next training: a server is best started anew.
 */
function makeBundle() {
  const began = new Date()
  const folder = join(root, "dist", `.bundle-${process.pid}`)
  try {
    const tsup = join(root, "node_modules", "tsup", "dist", "cli-default.js")
    run(process.execPath, [tsup, "--out-dir", folder, "--silent"])
    for (const name of bundle) {
      utimesSync(join(folder, name), began, began)
      renameSync(join(folder, name), join(root, "dist", name))
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function run(command, args, shell = false) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2], shell })
  if (status === 0) return
  process.stderr.write(
    `${[command, ...args].join(" ")} failed${error === undefined ? "" : `: ${error.message}`}\n`,
  )
  process.exit(1)
}

/** Runs `work` while no other process of this clone does; the lock of one that died is taken over. */
async function alone(work) {
  const lock = join(tmpdir(), `ktrdr-install-${createHash("sha256").update(root).digest("hex").slice(0, 16)}`)
  const owner = join(lock, "pid")
  for (let waited = 0; ; waited++) {
    try {
      mkdirSync(lock)
      break
    } catch (error) {
      if (error.code !== "EEXIST") throw error
    }
    if (waited === 0) process.stderr.write("Waiting for another installation to end ...\n")
    if (waited > 0 && !isAlive(owner)) rmSync(lock, { recursive: true, force: true })
    else await sleep(250)
  }
  process.on("exit", () => rmSync(lock, { recursive: true, force: true }))
  writeFileSync(owner, String(process.pid))
  work()
}

function isAlive(owner) {
  try {
    process.kill(Number(readFileSync(owner, "utf8")), 0)
    return true
  } catch {
    return false
  }
}
