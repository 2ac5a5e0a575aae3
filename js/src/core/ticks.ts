/** Numbers along the axes: round numbers of the chain, as many as there is room for. */

export interface Tick {
  position: number;
  text: string;
}

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
/** Room for one number, in pixels. */
const GAP = 36;

/** Ticks of the positions in [first, last] when a residue is `cell` pixels wide. */
export function ticks(
  labels: readonly string[],
  first: number,
  last: number,
  cell: number,
): Tick[] {
  const step = STEPS.find((size) => size * cell >= GAP) ?? 10000;
  const shown: Tick[] = [];
  for (let position = Math.max(0, first); position <= last; position += 1) {
    const label = labels[position];
    if (label === undefined) break;
    if (step === 1) {
      shown.push({ position, text: label });
      continue;
    }
    // A letter, the number in the chain, and maybe an insertion code that has no place here.
    const number = /^\D?(-?\d+)$/.exec(label)?.[1];
    if (number !== undefined && Number(number) % step === 0) shown.push({ position, text: number });
  }
  return shown;
}
