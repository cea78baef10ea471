/**
 * An IB host service over the simulated market as a process of its own: prints its port as one line of JSON,
 * and runs until its standard input closes.
 */
import * as HttpServer from "@effect/platform/HttpServer"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as IbServer from "../../src/hosts/ib/IbServer.js"
import * as SimulatedMarket from "../../src/hosts/ib/SimulatedMarket.js"
import * as Http from "../../src/node/Http.js"

const announce = HttpServer.addressWith((address) =>
  address._tag === "TcpAddress" ? Console.log(JSON.stringify({ port: address.port })) : Effect.void,
)

const host = Layer.effectDiscard(announce).pipe(
  Layer.provideMerge(IbServer.layer()),
  Layer.provide(SimulatedMarket.layer({ seed: 1 })),
  Layer.provide(Http.layer({ host: "127.0.0.1", port: 0 })),
)

process.stdin.resume().once("end", () => process.exit(0))
Effect.runFork(Layer.launch(host))
