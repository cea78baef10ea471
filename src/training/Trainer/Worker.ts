/**
 * The thread of the local trainer: it trains as its orders say, looks at the signal after every step, and ends once
 * it has said what came of it.
 */
import { performance } from "node:perf_hooks"
import { type MessagePort, parentPort, workerData } from "node:worker_threads"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { TrainingError } from "../TrainingError.js"
import * as TrainingRun from "../TrainingRun.js"
import * as Evaluation from "./Evaluation.js"
import { Message, type Orders, Signal } from "./WorkerMessage.js"
import * as WorkerReport from "./WorkerReport.js"

const work = (orders: Orders, port: MessagePort): void => {
  const { settings, rows, from, signal } = orders
  if (Atomics.compareExchange(signal, 0, Signal.starting, Signal.running) !== Signal.starting) return
  const made =
    from === undefined
      ? TrainingRun.make(rows, settings)
      : TrainingRun.resume(rows, settings, from.state, from.place)
  if (Either.isLeft(made)) port.postMessage(failed(made.left))
  else train(made.right, orders, port)
}

const train = (run: TrainingRun.TrainingRun, orders: Orders, port: MessagePort): void => {
  const { rows, parts, overlap, pace, signal } = orders
  const isStopped = (): boolean => Atomics.load(signal, 0) === Signal.stopping
  const gathered = WorkerReport.make(rows, run.settings)

  const report = (): void => {
    const news = gathered.take()
    if (news !== undefined) port.postMessage(Message.Report(news))
  }

  const keep = (): void => {
    const state = run.state()
    const { epoch, phase, cursor } = run.position()
    // Copied: once a thread has given a buffer away, V8 looks at every access whether its array still has one.
    port.postMessage(Message.Kept({ snapshot: { state, position: { epoch, phase, cursor } } }))
  }

  const finish = ({ reason, epochs, bestEpoch }: Finished): void => {
    const metrics = Evaluation.evaluate(run.network, rows, parts, overlap, isStopped)
    if (metrics === undefined) return
    const { architecture, parameters } = run.network
    const weights = { architecture, parameters }
    const history = run.history()
    port.postMessage(Message.Finished({ trained: { reason, epochs, bestEpoch, weights, history, metrics } }))
  }

  let before = performance.now()
  let reported = before
  let kept = before
  while (!isStopped()) {
    const event = run.step()
    const now = performance.now()
    gathered.add(event, now - before)
    before = now
    if (event._tag === "Finished" || event._tag === "NotFinite") {
      report()
      keep()
      return event._tag === "Finished" ? finish(event) : port.postMessage(failed(event.error))
    }
    if (now - reported >= pace.reports) {
      report()
      reported = now
    }
    if (now - kept >= (event._tag === "Epoch" ? pace.epochSnapshots : pace.batchSnapshots)) {
      keep()
      kept = now
    }
  }
  report()
  keep()
}

// ---------------------------------------------------------------------------------------------------------

type Finished = Extract<TrainingRun.Event, { readonly _tag: "Finished" }>

const encodeError = Schema.encodeSync(TrainingError)

const failed = (error: TrainingError): Message => Message.Failed({ error: encodeError(error) })

if (parentPort !== null) work(workerData as Orders, parentPort)
