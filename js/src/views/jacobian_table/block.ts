/** The block of two residues in a categorical Jacobian, as numbers; no DOM here. */
import { type ArrayEnvelope, decodeArray } from "../../core/arrays";

const SIZE = 20;

/** The trait as Python sends it. */
export interface BlockTrait {
  pair: [number, number];
  values: ArrayEnvelope;
  /** Of the pair in the map, and its rank among all; null until the Jacobian is finished. */
  score: number | null;
  rank: number | null;
  pairs: number;
}

export interface Combination {
  /** Columns of the alphabet: the letter at i, and the one at j. */
  a: number;
  b: number;
  /** In nats; above zero where the two favour each other. */
  value: number;
}

export class Block {
  readonly pair: readonly [number, number];
  #values: ArrayLike<number>;

  constructor(trait: BlockTrait) {
    const { shape, values } = decodeArray(trait.values);
    if (shape.join() !== `${SIZE},${SIZE}`) {
      throw new Error(`a block of shape (${shape.join(", ")}) came; 20 x 20 are needed`);
    }
    this.pair = trait.pair;
    this.#values = values;
  }

  at(a: number, b: number): number {
    return this.#values[a * SIZE + b] ?? Number.NaN;
  }

  /** Ends of the colour scale, symmetric about zero. */
  get limits(): [number, number] {
    const top = Math.max(1e-6, ...Array.from(this.#values, Math.abs));
    return [-top, top];
  }

  /** The combinations of largest size, of either sign. */
  strongest(count: number): Combination[] {
    return Array.from(this.#values, (value, at) => ({
      a: Math.floor(at / SIZE),
      b: at % SIZE,
      value,
    }))
      .sort((one, other) => Math.abs(other.value) - Math.abs(one.value))
      .slice(0, count);
  }
}
