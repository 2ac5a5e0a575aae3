/** The joint distribution of two residues, as numbers; no DOM here. */
import { type ArrayEnvelope, decodeArray } from "../../core/arrays";

export const ORDERS = ["mean", "i first", "j first"] as const;
export type Order = (typeof ORDERS)[number];
export type Show = "log_ratio" | "probability";
const SIZE = 20;

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

/** The combinations that add most to the mutual information: p times its log ratio. */
export function strongest(combinations: readonly Combination[], count: number): Combination[] {
  const weight = ({ p, ratio }: Combination) => (p > 0 ? p * ratio : 0);
  return combinations
    .filter((one) => weight(one) > 0)
    .sort((one, other) => weight(other) - weight(one))
    .slice(0, count);
}

/** Ends of the colour scale: the largest size among what is not negligibly rare, at least a bit. */
export function limitsOf(combinations: readonly Combination[], show: Show): [number, number] {
  if (show === "probability") return [0, Math.max(...combinations.map(({ p }) => p))];
  const common = combinations.filter(({ p, ratio }) => p > 1e-4 && Number.isFinite(ratio));
  const top = Math.max(1, ...common.map(({ ratio }) => Math.abs(ratio)));
  return [-top, top];
}
