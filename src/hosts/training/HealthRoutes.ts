/**
 * What a training host says of itself.
 */
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Record from "../../OperationRecord.js"
import * as Answering from "./Answering.js"
import { HostMachine } from "./HostMachine.js"
import { stamp } from "./SessionAnswers.js"
import { Sessions } from "./Sessions.js"
import { type Capability, paths } from "./TrainingHostApi.js"

export type Needed = HostMachine | Sessions

/** The routes of a host that began then, epoch milliseconds. */
export const make = (begun: number): HttpRouter.HttpRouter<never, Needed> =>
  HttpRouter.empty.pipe(
    HttpRouter.get(
      paths.root,
      stamped((timestamp) => ({ ...root, timestamp, ...noGpu, gpu_type: "None", capabilities })),
    ),
    HttpRouter.get(
      paths.health,
      stamped((timestamp) => ({ ...alive, timestamp, status: "operational" })),
    ),
    HttpRouter.get(
      paths.healthStatus,
      Effect.gen(function* () {
        const machine = yield* HostMachine
        const { systemPercent, systemTotalMb } = yield* machine.memory
        const cpu_percent = yield* machine.cpuPercent
        return yield* stamped((timestamp) => ({
          ...alive,
          timestamp,
          gpu_status: { available: false, device_count: 0, gpu_type: "None" },
          system_info: { cpu_percent, memory_percent: systemPercent, memory_total_mb: systemTotalMb },
          error: null,
        }))
      }),
    ),
    HttpRouter.get(
      paths.healthDetailed,
      Effect.gen(function* () {
        const { systemPercent, systemTotalMb } = yield* Effect.flatMap(HostMachine, (_) => _.memory)
        const { list, maxSessions } = yield* Sessions
        const sessions = yield* list
        return yield* stamped((timestamp, now) => ({
          ...alive,
          timestamp,
          ...noGpu,
          gpu_memory_total_mb: 0,
          gpu_memory_allocated_mb: 0,
          active_training_sessions: sessions.filter(({ record }) => !Record.isTerminal(record)).length,
          max_training_sessions: maxSessions,
          abandoned_training_sessions: sessions.filter(({ isAbandoned }) => isAbandoned).length,
          system_memory_usage_percent: systemPercent,
          system_memory_total_mb: systemTotalMb,
          uptime_seconds: (now - begun) / 1000,
          gpu_manager_status: { initialized: false, reason: "Networks are trained on the processor" },
          error: null,
        }))
      }).pipe(Answering.granting("Failed to look at the sessions")),
    ),
  )

// ---------------------------------------------------------------------------------------------------------

const root = { service: "Training Host Service", version: "1.0.0", status: "running" }
const alive = { healthy: true, service: "training-host" }
const noGpu = { gpu_available: false, gpu_device_count: 0 }
const capabilities: ReadonlyArray<Capability> = ["datasets", "events", "result", "resume", "idempotency"]

const stamped = (content: (timestamp: string, now: number) => object) =>
  Effect.map(Clock.currentTimeMillis, (now) => Answering.json(content(stamp(now), now)))
