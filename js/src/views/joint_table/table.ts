/** The joint distribution of two residues, as numbers; no DOM here. */
import { type ArrayEnvelope, decodeArray } from "../../core/arrays";

export const ORDERS = ["mean", "i first", "j first"] as const;
export type Order = (typeof ORDERS)[number];
export type Show = "log_ratio" | "probability";
const SIZE = 20;
/** A probability whose ratio says nothing. */
const RARE = 1e-4;

/** The trait as Python sends it; lists and the first axis are in the order of ORDERS. */
export interface TableTrait {
  pair: [number, number];
  probabilities: ArrayEnvelope;
  mutual_information: number[];
  disagreement: number;
}

export interface Combination {
  /** Columns of the alphabet: the letter at i, and the one at j. */
  a: number;
  b: number;
  p: number;
  /** log2 of p over the product of the margins, in bits. */
  ratio: number;
}

export class Joint {
  readonly pair: readonly [number, number];
  readonly disagreement: number;
  #p: readonly Float64Array[];
  #information: readonly number[];

  constructor(trait: TableTrait) {
    const { shape, values } = decodeArray(trait.probabilities);
    if (shape.join() !== `${ORDERS.length},${SIZE},${SIZE}`) {
      throw new Error(
        `a joint table of shape (${shape.join(", ")}) came; three 20 x 20 are needed`,
      );
    }
    this.pair = trait.pair;
    this.disagreement = trait.disagreement;
    this.#information = trait.mutual_information;
    this.#p = ORDERS.map((_, k) => Float64Array.from(values.subarray(400 * k, 400 * (k + 1))));
  }

  /** Mutual information in bits. */
  information(order: Order): number {
    return this.#information[ORDERS.indexOf(order)] ?? Number.NaN;
  }

  /** p of each letter at i, whatever is at j; or the other way round. */
  margin(order: Order, side: "i" | "j"): Float64Array {
    const margin = new Float64Array(SIZE);
    this.#of(order).forEach((p, at) => {
      const k = side === "i" ? Math.floor(at / SIZE) : at % SIZE;
      margin[k] = (margin[k] ?? 0) + p;
    });
    return margin;
  }

  at(order: Order, a: number, b: number): Combination {
    const p = this.#of(order)[a * SIZE + b] ?? Number.NaN;
    const byChance = (this.margin(order, "i")[a] ?? 0) * (this.margin(order, "j")[b] ?? 0);
    return { a, b, p, ratio: Math.log2(p / byChance) };
  }

  /** All 400, row by row. */
  all(order: Order): Combination[] {
    const [rows, columns] = [this.margin(order, "i"), this.margin(order, "j")];
    return Array.from(this.#of(order), (p, at) => {
      const [a, b] = [Math.floor(at / SIZE), at % SIZE];
      return { a, b, p, ratio: Math.log2(p / ((rows[a] ?? 0) * (columns[b] ?? 0))) };
    });
  }

  #of(order: Order): Float64Array {
    return this.#p[ORDERS.indexOf(order)] ?? new Float64Array(SIZE * SIZE);
  }
}

/** All numbers of one model less those of another one, for the same pair. */
export class JointDifference {
  readonly pair: readonly [number, number];

  constructor(
    readonly one: Joint,
    readonly other: Joint,
  ) {
    this.pair = one.pair;
  }

  margin(order: Order, side: "i" | "j"): Float64Array {
    const less = this.other.margin(order, side);
    return this.one.margin(order, side).map((p, k) => p - (less[k] ?? Number.NaN));
  }

  all(order: Order): Combination[] {
    const less = this.other.all(order);
    return this.one.all(order).map(({ a, b, p, ratio }, at) => ({
      a,
      b,
      p: p - (less[at]?.p ?? Number.NaN),
      ratio: ratio - (less[at]?.ratio ?? Number.NaN),
    }));
  }

  /** The combinations whose p changed most. */
  largest(order: Order, count: number): Combination[] {
    return this.all(order)
      .filter(({ p }) => p !== 0)
      .sort((one, other) => Math.abs(other.p) - Math.abs(one.p))
      .slice(0, count);
  }

  /** Ends of the colour scale about zero, without what is negligibly rare in both. */
  limits(order: Order, show: Show): [number, number] {
    const [one, other] = [this.one.all(order), this.other.all(order)];
    const sizes = this.all(order).map(({ p, ratio }, at) => {
      if (show === "probability") return Math.abs(p);
      const common = Math.max(one[at]?.p ?? 0, other[at]?.p ?? 0) > RARE;
      return common && Number.isFinite(ratio) ? Math.abs(ratio) : 0;
    });
    const top = Math.max(1e-6, ...sizes);
    return [-top, top];
  }
}

/** The combinations that add most to the mutual information: p times its log ratio. */
export function strongest(combinations: readonly Combination[], count: number): Combination[] {
  const weight = ({ p, ratio }: Combination) => (p > 0 ? p * ratio : 0);
  return combinations
    .filter((one) => weight(one) > 0)
    .sort((one, other) => weight(other) - weight(one))
    .slice(0, count);
}

/**
 * Ends of the colour scale: the largest size among what is not negligibly rare, at least a bit. Of
 * two models one scale for both, so that their tables compare.
 */
export function limitsOf(combinations: readonly Combination[], show: Show): [number, number] {
  if (show === "probability") return [0, Math.max(...combinations.map(({ p }) => p))];
  const common = combinations.filter(({ p, ratio }) => p > RARE && Number.isFinite(ratio));
  const top = Math.max(1, ...common.map(({ ratio }) => Math.abs(ratio)));
  return [-top, top];
}
