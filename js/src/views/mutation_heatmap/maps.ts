/** The maps as Python sends them; no DOM here. */
import { type ArrayEnvelope, decodeArray } from "../../core/arrays";
import type { ScaleKind } from "../../core/colour";
import { ROWS } from "./layout";

export interface Progress {
  status: string;
  done: number;
  total: number;
  text: string;
}

export interface MapTrait {
  name: string;
  label: string;
  kind: ScaleKind;
  limits: [number, number];
  /** (L, 20), columns in the order of the alphabet; NaN where unknown. */
  values: ArrayEnvelope;
  /** Whether it is of a model, on the scale that all its contexts share. */
  scored: boolean;
  /** Of its values; maps of one unit are on one scale. */
  unit: string;
  progress: Progress | null;
}

export class ScoreMap {
  readonly name: string;
  readonly label: string;
  readonly kind: ScaleKind;
  readonly limits: readonly [number, number];
  readonly scored: boolean;
  readonly unit: string;
  readonly progress: Progress | null;
  /** Number of values that are known. */
  readonly known: number;
  /** The largest size of a value. */
  readonly largest: number;
  #values: ArrayLike<number>;

  constructor(trait: MapTrait, length: number) {
    const { shape, values } = decodeArray(trait.values);
    if (shape.join() !== `${length},${ROWS}`) {
      throw new Error(`a map of shape (${shape.join(", ")}) came; ${length} x ${ROWS} are needed`);
    }
    this.name = trait.name;
    this.label = trait.label;
    this.kind = trait.kind;
    this.limits = trait.limits;
    this.scored = trait.scored;
    this.unit = trait.unit;
    this.progress = trait.progress;
    this.#values = values;
    let [known, largest] = [0, 0];
    for (const value of values) {
      if (!Number.isFinite(value)) continue;
      known += 1;
      largest = Math.max(largest, Math.abs(value));
    }
    this.known = known;
    this.largest = largest;
  }

  /** Of a position and a column of the alphabet. */
  at(position: number, column: number): number {
    return this.#values[position * ROWS + column] ?? Number.NaN;
  }

  /** Ends of the scale, where a person has chosen one for scores or has not. */
  scale(limit: number | null): readonly [number, number] {
    return this.scored && limit !== null ? [-limit, limit] : this.limits;
  }
}
