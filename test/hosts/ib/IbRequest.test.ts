import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import * as HostRequest from "../../../src/hosts/HostRequest.js"
import * as IbRequest from "../../../src/hosts/ib/IbRequest.js"

const json = "application/json"
const whole = { symbol: "AAPL", timeframe: "1h", start: "2024-01-02T14:30:00+00:00", end: "2024-01-03" }

/** The complaints about a historical request, each as its type, place and message. */
const complaints = (body: unknown) =>
  Either.match(HostRequest.body(IbRequest.historical, JSON.stringify(body), json), {
    onRight: () => [],
    onLeft: (found) => found.map(({ type, loc, msg }) => `${type} ${loc.join(".")}: ${msg}`),
  })

const stamp = (start: unknown) => complaints({ ...whole, start })[0]?.replace(/^.*datetime( or date, )?/, "")

describe("IbRequest", () => {
  it("takes a sound body as it is, whatever else is in it", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (more) => {
        const body = { ...more, ...whole, instrument_type: null, session: undefined }
        const taken = HostRequest.body(IbRequest.historical, JSON.stringify(body), undefined)
        expect(Either.getOrThrow(taken)).toEqual(JSON.parse(JSON.stringify(body)))
      }),
    )
    expect(complaints({ ...whole, start: 1_704_205_800 })).toEqual([])
    expect(
      Either.isRight(HostRequest.body(IbRequest.historical, JSON.stringify(whole), "application/hal+json")),
    ).toBe(true)
  })

  it("complains of stamps as pydantic does", () => {
    expect(stamp("24-1-2")).toBe("input is too short")
    expect(stamp("yesterday!")).toBe("invalid character in year")
    expect(stamp("2024-13-02")).toBe("month value is outside expected range of 1-12")
    expect(stamp("2024-02-30T00:00:00Z")).toBe("day value is outside expected range")
    expect(stamp("2024-02-03T25:00:00Z")).toBe("hour value is outside expected range of 0-23")
    expect(stamp("2024-02-03T10:00:00Z!")).toBe("unexpected extra characters at the end of the input")
    expect(stamp(true)).toBe("")
  })

  it("never throws on a body", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.json()),
        fc.option(fc.string(), { nil: undefined }),
        (text, type) => {
          const taken = HostRequest.body(IbRequest.historical, text, type)
          if (Either.isLeft(taken)) expect(taken.left.length).toBeGreaterThan(0)
        },
      ),
    )
  })

  it("knows the instant of a stamp with an offset only", () => {
    expect(IbRequest.instant("2024-01-02T09:30:00-05:00")).toBe(Date.parse("2024-01-02T14:30:00Z"))
    expect(IbRequest.instant(1_704_205_800)).toBe(1_704_205_800_000)
    expect(IbRequest.instant(1_704_205_800_000)).toBe(1_704_205_800_000)
    expect(IbRequest.instant("2024-01-02T09:30:00")).toBeUndefined()
    expect(IbRequest.instant("2024-01-02")).toBeUndefined()
  })
})
