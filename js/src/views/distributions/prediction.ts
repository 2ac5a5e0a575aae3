/** The prediction that is shown, and its ghost: of the context before it, or of another model. */
import { type ArrayEnvelope, decodeArray } from "../../core/arrays";
import type { SelectionState } from "../../core/selection";

type Context = Pick<SelectionState, "masked" | "substitutions">;

/** The trait as Python sends it. */
export type PredictionTrait = Context & {
  probabilities: ArrayEnvelope;
  /** What another model predicts for the same context. */
  reference?: ArrayEnvelope;
};

export class Prediction {
  readonly masked: readonly number[];
  readonly substitutions: SelectionState["substitutions"];
  /** (L, 20), row by row. */
  readonly probabilities: Float32Array;

  constructor(context: Context, probabilities: ArrayLike<number>) {
    this.masked = context.masked;
    this.substitutions = context.substitutions;
    this.probabilities = Float32Array.from(probabilities);
  }

  /** Its probabilities less those of another model for the same context. */
  less(other: Prediction): Prediction {
    const values = this.probabilities.map((p, k) => p - (other.probabilities[k] ?? Number.NaN));
    return new Prediction(this, values);
  }

  /** The largest size of a number in it. */
  get size(): number {
    return this.probabilities.reduce((top, p) => Math.max(top, Math.abs(p) || 0), 0);
  }

  at(position: number): Float32Array {
    return this.probabilities.subarray(20 * position, 20 * position + 20);
  }

  /** The same, or null where it is not known: a page without a kernel has gaps. */
  known(position: number): Float32Array | null {
    const p = this.at(position);
    return Number.isNaN(p[0]) ? null : p;
  }

  isFor(context: Context): boolean {
    return contextKey(this) === contextKey(context);
  }
}

function contextKey({ masked, substitutions }: Context): string {
  return JSON.stringify([masked, substitutions]);
}

export class History {
  current: Prediction | null = null;
  previous: Prediction | null = null;
  /** Of two models: the one's probabilities less the other's. */
  difference: Prediction | null = null;
  /** How many predictions have been taken. */
  updates = 0;
  #trait: PredictionTrait | null = null;

  /** Take the trait's present value; the same value twice counts once. */
  take(trait: PredictionTrait | null): void {
    if (trait === this.#trait) return;
    this.#trait = trait;
    if (!trait) {
      this.current = this.previous = this.difference = null;
      return;
    }
    const next = new Prediction(trait, decodeArray(trait.probabilities).values);
    if (trait.reference) {
      this.previous = new Prediction(trait, decodeArray(trait.reference).values);
      this.difference = next.less(this.previous);
    } else if (this.current && !this.current.isFor(next)) this.previous = this.current;
    this.current = next;
    this.updates += 1;
  }
}

/** The residues that get a card: the focus first, then the masked ones in order. */
export function cardPositions({ focus, masked }: SelectionState): number[] {
  return focus === null ? [...masked] : [focus, ...masked.filter((i) => i !== focus)];
}

const AXIS_TOPS = [0.1, 0.2, 0.5];

/** The end of the probability axis that all cards share, so that their bars compare. */
export function axisTop(largest: number): number {
  return AXIS_TOPS.find((top) => largest <= top) ?? 1;
}
