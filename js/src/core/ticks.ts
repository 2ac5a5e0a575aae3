/** Round numbers along axes: of the chain, and of values. */

export interface Tick {
  position: number;
  text: string;
}

/** Room for the number of a residue, in pixels. */
const GAP = 36;

/** The smallest of ..., 0.5, 1, 2, 5, 10, 20, ... that is at least this size, which is above 0. */
export function roundStep(size: number): number {
  const decade = 10 ** Math.floor(Math.log10(size));
  // A rounding error above a round number is that number.
  return ([1, 2, 5].find((k) => k * decade >= size * (1 - 1e-9)) ?? 10) * decade;
}

/** Ticks of the positions in [first, last] when a residue is `cell` pixels wide. */
export function residueTicks(
  labels: readonly string[],
  first: number,
  last: number,
  cell: number,
): Tick[] {
  const step = Math.max(1, roundStep(GAP / cell));
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

/** Round numbers within a range, about as many as asked for. */
export function ticksWithin([low, high]: readonly [number, number], about: number): number[] {
  const step = roundStep((high - low) / Math.max(1, about) || 1);
  return multiples(step, Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9));
}

/** Round numbers from below the least value to above the greatest one, about as many as asked for. */
export function ticksAround([least, greatest]: readonly [number, number], about: number): number[] {
  // Where all values are one, a little of its size.
  const span = Math.max(greatest - least, 0.05 * Math.max(1, Math.abs(greatest)));
  const step = roundStep(span / about);
  const first = Math.floor(least / step + 1e-9);
  return multiples(step, first, Math.max(first + 1, Math.ceil(greatest / step - 1e-9)));
}

function multiples(step: number, first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, k) =>
    Number(((first + k) * step).toPrecision(12)),
  );
}
