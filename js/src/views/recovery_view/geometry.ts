/** Where segments may lie, and what lies where on the bar and on the curve; no DOM here. */

/** From the first residue to before the last, 0-based. */
export type Segment = readonly [start: number, stop: number];

export const NARROWEST = 3;

/** A segment moved along the protein, as far as there is room. */
export function moved([start, stop]: Segment, by: number, length: number): Segment {
  const shift = Math.max(-start, Math.min(length - stop, by));
  return [start + shift, stop + shift];
}

/** A segment with one end elsewhere. */
export function stretched(
  [start, stop]: Segment,
  end: "start" | "stop",
  to: number,
  length: number,
): Segment {
  if (end === "start") return [Math.max(0, Math.min(to, stop - NARROWEST)), stop];
  return [start, Math.min(length, Math.max(to, start + NARROWEST))];
}

/** The segments with one of them replaced; null where two would overlap. */
export function replaced(
  segments: readonly Segment[],
  which: number,
  segment: Segment,
): Segment[] | null {
  const found = segments.map((other, k) => (k === which ? segment : other));
  const [first, second] = found;
  if (first && second && first[0] < second[1] && second[0] < first[1]) return null;
  return found;
}

/** What a key does to a segment; null when the key is not for that. */
export function stepped(
  segment: Segment,
  key: string,
  shift: boolean,
  length: number,
): Segment | null {
  const far = shift ? 10 : 1;
  const [, stop] = segment;
  const steps: Record<string, () => Segment> = {
    ArrowLeft: () => moved(segment, -far, length),
    ArrowDown: () => moved(segment, -far, length),
    ArrowRight: () => moved(segment, far, length),
    ArrowUp: () => moved(segment, far, length),
    Home: () => moved(segment, -length, length),
    End: () => moved(segment, length, length),
    "+": () => stretched(segment, "stop", stop + 1, length),
    "-": () => stretched(segment, "stop", stop - 1, length),
  };
  return steps[key]?.() ?? null;
}

/** One flank length: the median of the seeds and their spread. */
export interface Point {
  k: number;
  median: number;
  q25: number;
  q75: number;
  low: number;
  high: number;
  seeds: number;
}

const COLUMNS = 7;

/** The rows that Python sends: k, median, q25, q75, low, high, seeds. */
export function pointsOf(shape: readonly number[], values: ArrayLike<number>): Point[] {
  if (shape.length !== 2 || shape[1] !== COLUMNS) {
    throw new Error(`a recovery curve has ${COLUMNS} columns, not the shape (${shape.join(", ")})`);
  }
  return Array.from({ length: shape[0] ?? 0 }, (_, row) => {
    const at = (column: number): number => values[row * COLUMNS + column] ?? Number.NaN;
    return {
      k: at(0),
      median: at(1),
      q25: at(2),
      q75: at(3),
      low: at(4),
      high: at(5),
      seeds: at(6),
    };
  });
}

/** The points in stretches without a gap: what is not computed yet must not look known. */
export function stretches(points: readonly Point[]): Point[][] {
  const found: Point[][] = [];
  for (const point of points) {
    const last = found.at(-1);
    if (last && last.at(-1)?.k === point.k - 1) last.push(point);
    else found.push([point]);
  }
  return found;
}

/** The outline of a band: along its upper edge, and back along the lower one. */
export function band(
  points: readonly Point[],
  lower: "low" | "q25",
  upper: "high" | "q75",
  x: (k: number) => number,
  y: (r: number) => number,
): string {
  if (points.length === 0) return "";
  const there = points.map((p) => `${x(p.k).toFixed(1)},${y(p[upper]).toFixed(1)}`);
  const back = [...points].reverse().map((p) => `${x(p.k).toFixed(1)},${y(p[lower]).toFixed(1)}`);
  return `M${[...there, ...back].join("L")}Z`;
}
