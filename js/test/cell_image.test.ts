import { expect, it } from "vitest";
import { cellPixels } from "../src/core/cell_image";
import { colourTable } from "../src/core/colour";

it("paints a pixel a cell, row by row, and nothing where nothing is known", () => {
  const values = [
    [0, 1, Number.NaN],
    [0.5, Number.NaN, 0],
  ];
  const scale = { kind: "sequential", low: 0, high: 1 } as const;
  const pixels = cellPixels(3, 2, scale, (column, row) => values[row]?.[column] ?? Number.NaN);
  const table = colourTable("sequential");
  const colour = (k: number) => [...table.subarray(3 * k, 3 * k + 3), 255];
  const none = [0, 0, 0, 0];
  expect([...pixels]).toEqual([colour(0), colour(255), none, colour(128), none, colour(0)].flat());
});
