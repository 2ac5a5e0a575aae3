/** What Python tells of a trace, and what is to be seen of it after a step; no DOM here. */
import { type ArrayEnvelope, decodeArray } from "../../core/arrays";
import { formatValue, withMinus } from "../../core/format";

export interface LaneTrait {
  strategy: string;
  seed: number;
  forked_at: number | null;
  sequence: string;
  step_of: ArrayEnvelope;
  probability: ArrayEnvelope;
  entropies: ArrayEnvelope;
  totals: ArrayEnvelope;
  model: string;
}

export interface Totals {
  hidden: number;
  logProbability: number;
  identity: number;
  passes: number;
  entropyLeft: number;
}

const TOTALS = 5;

export type State = "context" | "hidden" | "new" | "revealed";

export class Trace {
  readonly title: string;
  readonly strategy: string;
  readonly seed: number;
  readonly steps: number;
  readonly sequence: string;
  readonly forkedAt: number | null;
  #stepOf: ArrayLike<number>;
  #probability: ArrayLike<number>;
  #entropies: ArrayLike<number>;
  #totals: ArrayLike<number>;

  constructor(lane: LaneTrait) {
    const totals = decodeArray(lane.totals);
    if (totals.shape.length !== 2 || totals.shape[1] !== TOTALS) {
      throw new Error(`the totals of a trace have ${TOTALS} columns, not (${totals.shape.join()})`);
    }
    this.steps = totals.shape[0] ?? 0;
    this.sequence = lane.sequence;
    this.strategy = lane.strategy;
    this.seed = lane.seed;
    this.forkedAt = lane.forked_at;
    this.#totals = totals.values;
    this.#stepOf = decodeArray(lane.step_of).values;
    this.#probability = decodeArray(lane.probability).values;
    this.#entropies = decodeArray(lane.entropies).values;
    const forked = lane.forked_at === null ? "" : `, forked at step ${lane.forked_at}`;
    this.title = `${lane.strategy}, seed ${lane.seed}${forked}`;
  }

  /** The last step to show: a shorter lane stays at its end. */
  at(step: number): number {
    return Math.min(step, this.steps - 1);
  }

  stepOf(i: number): number {
    return this.#stepOf[i] ?? -1;
  }

  probability(i: number): number {
    return this.#probability[i] ?? Number.NaN;
  }

  state(i: number, step: number): State {
    const revealed = this.stepOf(i);
    if (revealed < 0) return "context";
    const now = this.at(step);
    if (revealed > now) return "hidden";
    return revealed === now ? "new" : "revealed";
  }

  /** Entropy in bits when the model was asked last: of a hidden residue, by the step to come. */
  entropy(i: number, step: number): number {
    const asked = Math.min(this.at(step) + 1, this.stepOf(i));
    return this.#entropies[asked * this.sequence.length + i] ?? Number.NaN;
  }

  totals(step: number): Totals | null {
    const row = this.at(step);
    if (row < 0) return null;
    const of = (column: number): number => this.#totals[row * TOTALS + column] ?? Number.NaN;
    return {
      hidden: of(0),
      logProbability: of(1),
      identity: of(2),
      passes: of(3),
      entropyLeft: of(4),
    };
  }

  get masked(): number {
    let count = 0;
    for (let i = 0; i < this.#stepOf.length; i += 1) count += Number((this.#stepOf[i] ?? -1) >= 0);
    return count;
  }

  /** One residue in words. */
  describe(i: number, step: number, label: string, wildType: string): string {
    const state = this.state(i, step);
    if (state === "context") return `${label}\nvisible all along`;
    if (state === "hidden") {
      return `${label}\nhidden, entropy ${formatValue(this.entropy(i, step))} bits`;
    }
    const letter = this.sequence[i] ?? "";
    const same = letter === wildType ? ", the wild type" : "";
    return (
      `${label}\nrevealed as ${letter}${same} in step ${this.stepOf(i)}\n` +
      `p = ${formatValue(this.probability(i))}, entropy ${formatValue(this.entropy(i, step))} bits`
    );
  }

  /** The lane after a step in words. */
  summary(step: number): string {
    const totals = this.totals(step);
    if (!totals) return `${this.masked} hidden, nothing revealed yet.`;
    const { hidden, logProbability, identity, passes, entropyLeft } = totals;
    const left = hidden > 0 ? ` Entropy left ${formatValue(entropyLeft)} bits.` : "";
    return (
      `${this.masked - hidden} revealed, ${hidden} hidden; ${passes} ` +
      `${passes === 1 ? "pass" : "passes"}; log-probability ${withMinus(logProbability.toFixed(1))} nats; ` +
      `identity ${Math.round(100 * identity)} %.${left}`
    );
  }
}

export function stepWords(step: number, steps: number): string {
  if (step < 0) return "before the first step";
  return `step ${step} (0 to ${steps - 1})`;
}
