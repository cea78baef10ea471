import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Candle from "../../../src/data/Candle.js"
import * as Arrange from "../../../src/data/CandleFile/Arrange.js"

const run = <A>(work: Arrange.Steps<A>): A => {
  let step = work.next()
  while (step.done !== true) step = work.next()
  return step.value
}
const bar = (start: number, close = start + 1, volume: number | null = null) => ({
  start,
  open: close,
  high: close,
  low: close,
  close,
  volume,
})
const arranged = (rows: ReadonlyArray<Candle.Candle>) => run(Arrange.arrange(Candle.fromRows(rows)))

describe("arrange", () => {
  it("sorts bars of any order and joins equal ones, unknown volumes too", () => {
    const starts = fc.array(fc.nat({ max: 300 }), { maxLength: 80 })
    fc.assert(
      fc.property(starts, (given) => {
        const found = arranged(given.map((start) => bar(start)))
        const expected = [...new Set(given)].sort((a, b) => a - b).map((start) => bar(start))
        expect("bars" in found && Candle.toRows(found.bars)).toEqual(expected)
      }),
    )
  })

  it("names the two rows of a start that differ, in the order in which they came", () => {
    const rows = [bar(5), bar(3), bar(7), bar(3, 9)]
    expect(arranged(rows)).toEqual({ clash: [1, 3] })
    expect(arranged([bar(3, 4, 10), bar(3, 4)])).toEqual({ clash: [0, 1] })
  })

  it("sorts a hundred thousand bars as any sort does", () => {
    const rows = 100_003
    const bars = Candle.allocate(rows)
    for (let row = 0; row < rows; row++) bars.start[row] = (row * 48_271) % rows
    const found = run(Arrange.arrange(bars))
    expect("bars" in found && found.bars.start.every((start, index) => start === index)).toBe(true)
  })
})

describe("concat", () => {
  it("puts parts one after another", () => {
    const parts = [[bar(1), bar(2)], [], [bar(5)], [bar(0)]].map((rows) => Candle.fromRows(rows))
    expect(Candle.toRows(run(Arrange.concat(parts)))).toEqual([bar(1), bar(2), bar(5), bar(0)])
    expect(Candle.size(run(Arrange.concat([])))).toBe(0)
  })
})
