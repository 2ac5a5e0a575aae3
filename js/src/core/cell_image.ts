/** A map of cells as a picture of a pixel a cell, to be drawn larger. */
import { colourIndex, colourTable, type ScaleKind } from "./colour";

export interface CellScale {
  kind: ScaleKind;
  low: number;
  high: number;
}

/** RGBA, row by row; see-through where the value is not known. */
export function cellPixels(
  columns: number,
  rows: number,
  { kind, low, high }: CellScale,
  valueAt: (column: number, row: number) => number,
): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * rows * columns);
  const table = colourTable(kind);
  for (let column = 0; column < columns; column += 1) {
    for (let row = 0; row < rows; row += 1) {
      const k = colourIndex(valueAt(column, row), low, high);
      if (k < 0) continue;
      const pixel = 4 * (row * columns + column);
      pixels.set(table.subarray(3 * k, 3 * k + 3), pixel);
      pixels[pixel + 3] = 255;
    }
  }
  return pixels;
}

export class CellImage {
  readonly canvas = document.createElement("canvas");
  #of: readonly unknown[] = [];

  /** Paint the cells anew, if one of the parts of `of` is another than before. */
  paint(
    of: readonly unknown[],
    columns: number,
    rows: number,
    scale: CellScale,
    valueAt: (column: number, row: number) => number,
  ): void {
    if (of.length === this.#of.length && of.every((part, k) => part === this.#of[k])) return;
    this.#of = of;
    this.canvas.width = columns;
    this.canvas.height = rows;
    const pixels = cellPixels(columns, rows, scale, valueAt);
    this.canvas.getContext("2d")?.putImageData(new ImageData(pixels, columns, rows), 0, 0);
  }
}
