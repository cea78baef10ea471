import { describe, expect, it } from "@effect/vitest"
import * as Fc from "fast-check"
import * as OperationsTable from "../../../src/node/cli/OperationsTable.js"
import * as OperationRecord from "../../../src/OperationRecord.js"
import * as Records from "../../utils/OperationRecords.js"

const owner = { token: 1, pid: 7, host: "here" }
const at = Date.UTC(2026, 10, 25, 11, 14, 5)
const id = "op_data_load_20261125_111405_1a2b3c4d"

const row = (given: Partial<OperationRecord.OperationRecord> = {}, said = "Loading AAPL · 3/36") => ({
  summary: Records.record(id, owner, {
    kind: "data_load",
    status: "running",
    created: at,
    started: at,
    fraction: 0.456,
    ...given,
  }),
  said,
})
const terminal = (columns: number) => ({ isTerminal: true, columns, hasColor: false, hasUnicode: true })
const pipe = { isTerminal: false, columns: 80, hasColor: false, hasUnicode: false }

describe("the table of operations", () => {
  it("has all there is to say on one line where it is read by no person", () => {
    const long = "said at length ".repeat(20).trim()
    const lines = OperationsTable.lines([row({}, long), row({ status: "pending", started: null })], at, pipe)
    expect(lines[0]).toMatch(/^id {37}kind {7}status {3}done {2}started \(UTC\) {8}duration {2}message$/)
    expect(lines[1]).toBe(`${id}  data_load  running   45%  2026-11-25 11:14:05        0s  ${long}`)
    expect(lines[2]).toMatch(/ pending {3}45% {2}- +- {2}Loading AAPL · 3\/36$/)
  })

  it("says how long what has ended took, and how long what runs has run", () => {
    const lines = OperationsTable.lines(
      [row(), row({ status: "completed", completed: at + 90_000, fraction: 1 })],
      at + 3_600_000,
      pipe,
    )
    expect(lines[1]).toMatch(/ {2}1h {2}Loading/)
    expect(lines[2]).toMatch(/ 100% .* 1m 30s {2}Loading/)
  })

  it("on a narrow terminal leaves columns out, and gives what is said a line of its own", () => {
    const lines = OperationsTable.lines([row({}, "word ".repeat(40).trim())], at, terminal(80))
    expect(lines[0]).toMatch(/^id +status +done +duration$/)
    expect(lines[1]).toMatch(new RegExp(`^${id}  running`))
    expect(lines[2]).toMatch(/^ {2}word .*…$/)
    expect(OperationsTable.lines([row({}, "")], at, terminal(80))).toHaveLength(2)
    expect(OperationsTable.lines([row()], at, terminal(160))).toHaveLength(2)
  })

  it("draws no character that the terminal does not have, and no control character of what is said", () => {
    const narrow = { ...terminal(60), hasUnicode: false }
    const [, , said] = OperationsTable.lines([row({}, `a\u001b[31m·b ${"c".repeat(80)}`)], at, narrow)
    expect(said).toMatch(/^ {2}a \[31m\|b c+~$/)
  })

  it("colours the state alone, on a terminal that has colour", () => {
    const [, line] = OperationsTable.lines([row()], at, { ...terminal(160), hasColor: true })
    expect(line).toContain(`${id}  data_load  \u001b[36mrunning\u001b[39m  `)
  })

  it("never cuts an id, nor passes the width where the id does not", () => {
    Fc.assert(
      Fc.property(
        Fc.integer({ min: 1, max: 250 }),
        Fc.array(Fc.record({ digits: Fc.hexaString({ minLength: 8, maxLength: 8 }), said: Fc.string() }), {
          minLength: 1,
          maxLength: 5,
        }),
        (columns, given) => {
          const rows = given.map(({ digits, said }) => ({
            ...row({}, said),
            summary: { ...row().summary, id: `${id.slice(0, -8)}${digits}` },
          }))
          const lines = OperationsTable.lines(rows, at, terminal(columns))
          for (const { summary } of rows) expect(lines.some((line) => line.startsWith(summary.id))).toBe(true)
          for (const line of lines.filter((_) => !_.startsWith("op_") && !_.startsWith("id"))) {
            expect(line.length).toBeLessThanOrEqual(Math.max(2, columns - 1))
          }
          for (const line of lines.filter((_) => _.startsWith("op_"))) {
            const heads = line.split("  ")[0]!.length
            expect(line.length <= columns || line.length === heads).toBe(true)
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})
