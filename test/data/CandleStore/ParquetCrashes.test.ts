/**
 * A process that ends, and power that goes, at whichever change and in whichever work: what was said to be kept
 * is kept, and the same work done again leaves the bytes of a store that nothing happened to.
 */
import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as FaultCampaign from "../../utils/FaultCampaign.js"
import * as StoreWorks from "../../utils/StoreWorks.js"

describe.each(StoreWorks.all)("$name", (work) => {
  const origin = FaultCampaign.originOf(work)

  it("the end of the process at any change, with or without the power, loses nothing that is kept", async () => {
    expect(origin.changes).toBeGreaterThan(20)
    await FaultCampaign.everywhere(origin, (at) => {
      const end = { at, code: "crash", lasting: true } as const
      const { files, kept } = FaultCampaign.broken(work, origin, [end])
      const names = at % 2 === 0
      FaultCampaign.judge(work, origin, files.afterPowerCut({ names, bytes: !names }), kept)
      FaultCampaign.judge(work, origin, files, kept)
    })
  })

  it.prop(
    "a process that outlives one failure, goes on, and ends at a later change loses nothing that is kept",
    [fc.nat(origin.changes - 1), fc.nat(2 * origin.changes)],
    ([first, later]) => {
      const { files, kept } = FaultCampaign.broken(
        work,
        origin,
        [
          { at: first, code: "EIO", lasting: false },
          { at: first + later, code: "crash", lasting: true },
        ],
        true,
      )
      FaultCampaign.judge(work, origin, files, kept)
    },
    { fastCheck: { numRuns: 8 } },
  )
})
