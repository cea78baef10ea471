/** Collects what a command writes, for tests of the command line. */
import { Writable } from "node:stream"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Output from "../../src/node/Output.js"

export interface TestOutput {
  readonly out: () => string
  readonly err: () => string
  readonly layer: Layer.Layer<Output.Output>
  /** The same, for programs that wait for nothing but time. */
  readonly layerAtOnce: Layer.Layer<Output.Output>
}

const collector = (size: object) => {
  const written: Array<string> = []
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      written.push(String(chunk))
      done()
    },
  })
  return { text: () => written.join(""), stream: Object.assign(stream, size) }
}

/**
 * Outputs that are no terminals, unless a size in columns and rows says that standard error is one, or a
 * `screen` that standard output is.
 */
export const make = (
  size?: { readonly columns: number; readonly rows: number },
  environment: Readonly<Record<string, string>> = {},
  screen?: { readonly columns: number; readonly rows: number },
): TestOutput => {
  const stdout = collector(screen === undefined ? {} : { isTTY: true, ...screen })
  const stderr = collector(size === undefined ? {} : { isTTY: true, ...size })
  const make = () => Output.make(stdout.stream, stderr.stream, environment)
  return {
    out: stdout.text,
    err: stderr.text,
    layer: Layer.sync(Output.Output, make),
    layerAtOnce: Layer.sync(Output.Output, () => ({
      ...make(),
      out: (text) => Effect.sync(() => void stdout.stream.write(text)),
    })),
  }
}

/** Runs the effect, and returns its result with what it wrote. */
export const run = <A, E>(effect: Effect.Effect<A, E, Output.Output>) =>
  Effect.suspend(() => {
    const output = make()
    return Effect.map(Effect.provide(effect, output.layer), (result) => ({
      result,
      out: output.out(),
      err: output.err(),
    }))
  })
