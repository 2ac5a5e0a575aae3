import { describe, expect, it } from "vitest";
import {
  cellOf,
  clicked,
  columnsOf,
  FIRST,
  isPair,
  type Row,
  sorted,
} from "../src/views/pair_table/rows";

const ROWS: Row[] = [
  [5, 40, 1, 90, 7.5, true],
  [2, 60, 4, null, 4.25, true],
  [9, 15, 6, 70, null, false],
  [2, 11, 8, 70, 7.5, true],
];
const ranks = (rows: Row[]) => rows.map((row) => row[2]);

describe("rows of pairs", () => {
  it("are sorted by any column, unknown values last either way, equal ones by rank", () => {
    expect(ranks(sorted(ROWS, FIRST))).toEqual([1, 4, 6, 8]);
    expect(ranks(sorted(ROWS, { column: "rank", descending: true }))).toEqual([8, 6, 4, 1]);
    expect(ranks(sorted(ROWS, { column: "i", descending: false }))).toEqual([4, 8, 1, 6]);
    expect(ranks(sorted(ROWS, { column: "other", descending: false }))).toEqual([6, 8, 1, 4]);
    expect(ranks(sorted(ROWS, { column: "other", descending: true }))).toEqual([1, 6, 8, 4]);
    expect(ranks(sorted(ROWS, { column: "distance", descending: true }))).toEqual([1, 8, 4, 6]);
    expect(ranks(sorted(ROWS, { column: "apart", descending: true }))).toEqual([4, 1, 8, 6]);
    expect(ranks(sorted(ROWS, { column: "contact", descending: false }))).toEqual([6, 1, 4, 8]);
  });

  it("leave the given list as it was", () => {
    const given = [...ROWS];
    sorted(given, { column: "rank", descending: true });
    expect(given).toEqual(ROWS);
  });

  it("turn round with a second click on the same head", () => {
    const up = clicked(FIRST, "distance");
    expect(up).toEqual({ column: "distance", descending: false });
    expect(clicked(up, "distance")).toEqual({ column: "distance", descending: true });
    expect(clicked(clicked(up, "distance"), "distance")).toEqual(up);
    expect(clicked(FIRST, "rank").descending).toBe(true);
  });

  it("have the columns that say something", () => {
    expect(columnsOf(ROWS, true, true)).toEqual([
      "i",
      "j",
      "apart",
      "rank",
      "other",
      "distance",
      "contact",
    ]);
    const placed = ROWS.map((row) => [...row.slice(0, 4), null, true] as unknown as Row);
    expect(columnsOf(placed, false, false)).toEqual(["i", "j", "apart", "rank"]);
    expect(cellOf(ROWS[0] as Row, "apart")).toBe(35);
  });

  it("know their pair in either order", () => {
    const row = ROWS[0] as Row;
    expect(isPair(row, [5, 40])).toBe(true);
    expect(isPair(row, [40, 5])).toBe(true);
    expect(isPair(row, [5, 41])).toBe(false);
    expect(isPair(row, [5])).toBe(false);
    expect(isPair(row, null)).toBe(false);
  });
});
