/**
 * Whatever fails while a store is written, at whichever change and in whichever work: what was said to be kept
 * is kept, the failure is a typed one, and the same work done again leaves the bytes of a store that nothing
 * happened to.
 */
import { describe, expect, it } from "@effect/vitest"
import * as FaultCampaign from "../../utils/FaultCampaign.js"
import * as StoreWorks from "../../utils/StoreWorks.js"

const codes = ["ENOSPC", "EACCES", "EROFS", "EIO"] as const

describe.each(StoreWorks.all)("$name", (work) => {
  const origin = FaultCampaign.originOf(work)
  /** What cannot be written is read all the same. */
  const outcomes = new Set(work === StoreWorks.read ? [undefined] : ["StoreUnwritable", undefined])

  for (const lasting of [false, true]) {
    it(`a change that fails${lasting ? " with all that come after it" : ""} loses nothing`, async () => {
      const reasons = new Set<string | undefined>()
      expect(origin.changes).toBeGreaterThan(20)
      await FaultCampaign.everywhere(origin, (at) => {
        const code = codes[(at + Number(lasting)) % codes.length] ?? "EIO"
        const { exit, files, kept } = FaultCampaign.broken(work, origin, [{ at, code, lasting }])
        reasons.add(FaultCampaign.reasonOf(exit))
        FaultCampaign.judge(work, origin, files, kept)
      })
      expect(outcomes).toEqual(new Set([...outcomes, ...reasons]))
      expect(reasons.size).toBeGreaterThan(0)
    })
  }

  it("a disk that is full while a year's file is written leaves no part of it", () => {
    for (let at = 0, done = false; !done; at++) {
      const fault = { at }
      const { exit, files, kept } = FaultCampaign.full(work, origin, fault)
      done = fault.at >= 0
      expect(done ? new Set([undefined]) : outcomes).toContain(FaultCampaign.reasonOf(exit))
      expect(FaultCampaign.unfinished(files)).toEqual([])
      FaultCampaign.judge(work, origin, files, kept)
    }
  })
})
