import { expect, it } from "vitest";
import { formatCount, formatLimit, formatTick, formatValue, signed } from "../src/core/format";

it("writes values with three significant digits", () => {
  const cases: [number, string][] = [
    [0, "0.000"],
    [0.01234, "0.012"],
    [0.98765, "0.988"],
    [4.5, "4.50"],
    [12.34, "12.3"],
    [1234.5, "1235"],
    [-0.5, "-0.500"],
    [0.0000123, "1.2e-5"],
    [2.5e7, "2.5e+7"],
    [Number.NaN, "unknown"],
    [Number.POSITIVE_INFINITY, "unknown"],
  ];
  for (const [value, text] of cases) expect(formatValue(value)).toBe(text);
});

it("writes the ends of a scale as short as can be", () => {
  expect([1, 20, 0.25, 4.321928].map(formatLimit)).toEqual(["1", "20", "0.25", "4.32"]);
});

it("separates thousands by narrow spaces", () => {
  expect(formatCount(812)).toBe("812");
  expect(formatCount(1234567.4)).toBe("1\u202f234\u202f567");
});

it("writes minus signs, not hyphens, where signs matter", () => {
  expect([0.6000000000000001, -120].map(formatTick)).toEqual(["0.6", "\u2212120"]);
  expect(["0.5", "-2.00"].map(signed)).toEqual(["+0.5", "\u22122.00"]);
});
