import { beforeAll } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RemoteTrainer from "../../../src/hosts/training/RemoteTrainer.js"
import { contract } from "../../contract/Trainer.js"
import * as Command from "../../utils/Command.js"
import * as Remote from "./Remote.js"
import * as TrainingHosts from "./TrainingHosts.js"

beforeAll(() => Command.prepare())

contract(
  "RemoteTrainer over ktrdr's host",
  Layer.unwrapScoped(
    Effect.map(TrainingHosts.serve({ maxSessions: 3, trainer: Remote.eager }), (baseUrl) =>
      RemoteTrainer.layerHost({ baseUrl }),
    ),
  ).pipe(Layer.orDie),
  { epochs: 500, rounds: 8 },
)
