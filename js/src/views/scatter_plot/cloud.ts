/** Variants as points, and the substitutions of each; no DOM here. */
import { type ArrayEnvelope, decodeArray } from "../../core/arrays";
import type { Cell } from "../../core/cells";
import { Points } from "../../core/points";

export interface PointsTrait {
  x: ArrayEnvelope;
  y: ArrayEnvelope;
  /** (n, 2): position, and column of the letter, of all substitutions. */
  sites: ArrayEnvelope;
  /** (points + 1): where the substitutions of each point begin. */
  starts: ArrayEnvelope;
}

export class Cloud extends Points {
  #sites: ArrayLike<number>;
  #starts: ArrayLike<number>;
  #letters: string;

  constructor(trait: PointsTrait, letters: string) {
    super(trait);
    this.#sites = decodeArray(trait.sites).values;
    this.#starts = decodeArray(trait.starts).values;
    this.#letters = letters;
    if (this.#starts.length !== this.size + 1) {
      throw new Error(`the ${this.size} points came with ${this.#starts.length} starts`);
    }
  }

  /** The substitutions of a point. */
  cells(point: number): Cell[] {
    const [from, to] = [this.#starts[point] ?? 0, this.#starts[point + 1] ?? 0];
    return Array.from({ length: to - from }, (_, k): Cell => {
      const at = 2 * (from + k);
      return [this.#sites[at] ?? 0, this.#letters[this.#sites[at + 1] ?? 0] ?? ""];
    });
  }

  /** The points with one of these substitutions; with none given, those at these positions. */
  having(cells: readonly Cell[], positions: readonly number[]): number[] {
    const found: number[] = [];
    if (cells.length === 0 && positions.length === 0) return found;
    for (let point = 0; point < this.size; point += 1) {
      const own = this.cells(point);
      const meant =
        cells.length > 0
          ? own.some(([i, a]) => cells.some(([j, b]) => i === j && a === b))
          : own.some(([i]) => positions.includes(i));
      if (meant) found.push(point);
    }
    return found;
  }
}
