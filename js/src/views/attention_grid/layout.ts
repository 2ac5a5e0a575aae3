/** Where each head is on the canvas, in CSS pixels; no DOM here. */
import type { Place } from "./heads";

const GAP = 4;
const LEFT = 30;
const TOP = 18;
/** Smaller cannot be told apart, and larger shows no more. */
const SMALLEST = 16;
const LARGEST = 96;

export interface Layout {
  rows: number;
  heads: number;
  /** Side of a picture, and from one to the next. */
  cell: number;
  step: number;
  left: number;
  top: number;
  width: number;
  height: number;
}

export function layoutOf(rows: number, heads: number, room: number): Layout {
  const fitting = Math.floor((room - LEFT) / heads) - GAP;
  const cell = Math.max(SMALLEST, Math.min(LARGEST, fitting));
  const step = cell + GAP;
  return {
    rows,
    heads,
    cell,
    step,
    left: LEFT,
    top: TOP,
    width: LEFT + heads * step,
    height: TOP + rows * step,
  };
}

/** The top left corner of a picture. */
export function cornerOf({ left, top, step }: Layout, { row, head }: Place): [number, number] {
  return [left + head * step, top + row * step];
}

/** The head at a point of the canvas; null beside the pictures. */
export function headAt({ left, top, step, rows, heads }: Layout, x: number, y: number) {
  const [row, head] = [Math.floor((y - top) / step), Math.floor((x - left) / step)];
  return row >= 0 && row < rows && head >= 0 && head < heads ? { row, head } : null;
}

/** Where a key leads from a head; null for other keys. */
export function stepOf(key: string, { row, head }: Place, { rows, heads }: Layout): Place | null {
  const within = (k: number, count: number) => Math.max(0, Math.min(count - 1, k));
  const places: Record<string, Place> = {
    ArrowUp: { row: within(row - 1, rows), head },
    ArrowDown: { row: within(row + 1, rows), head },
    ArrowLeft: { row, head: within(head - 1, heads) },
    ArrowRight: { row, head: within(head + 1, heads) },
    Home: { row, head: 0 },
    End: { row, head: heads - 1 },
  };
  return places[key] ?? null;
}
