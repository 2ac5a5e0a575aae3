/** A toy Potts model of an invented hairpin-like protein: enough for masks to change bars. */
import { randomSource } from "./fake";

export const LETTERS = "ACDEFGHIKLMNPQRSTVWY";
export const CHEMISTRY_ORDER = "AFILVMWYDEKRHNQSTGPC";

export class ToyModel {
  readonly sequence: string;
  readonly labels: string[];
  /** Partners of each residue: its contacts in the invented fold. */
  readonly contacts: readonly number[][];
  #fields: Float32Array;
  #couplings: Float32Array;

  constructor(length: number, seed = 7) {
    const random = randomSource(seed);
    const letters = Array.from({ length }, () => LETTERS[Math.floor(20 * random())] ?? "A");
    this.sequence = letters.join("");
    this.labels = letters.map((letter, i) => `${letter}${i + 1}`);
    this.contacts = letters.map((_, i) => {
      const turn = 24 * Math.floor(i / 24) + 23 - (i % 24);
      return [turn, i - 4, i + 4, (i * 37 + 11) % length].filter(
        (j) => j >= 0 && j < length && Math.abs(i - j) > 2,
      );
    });
    this.#fields = new Float32Array(20 * length);
    for (let k = 0; k < this.#fields.length; k += 1) this.#fields[k] = 2.2 * (random() - 0.5);
    this.#couplings = new Float32Array(400 * 8);
    for (let k = 0; k < this.#couplings.length; k += 1) this.#couplings[k] = 2.6 * (random() - 0.5);
  }

  /** (L, 20) probabilities, row by row. */
  probabilities(masked: Iterable<number>, substitutions: Iterable<readonly [number, string]>) {
    const hidden = new Set(masked);
    const context = [...this.sequence];
    for (const [position, letter] of substitutions) context[position] = letter;
    const result = new Float32Array(20 * context.length);
    context.forEach((own, i) => {
      const visible = hidden.has(i) ? -1 : LETTERS.indexOf(own);
      let sum = 0;
      for (let a = 0; a < 20; a += 1) {
        // A network that sees a residue mostly copies it.
        let energy = (this.#fields[20 * i + a] ?? 0) + (a === visible ? 3 : 0);
        (this.contacts[i] ?? []).forEach((j, k) => {
          if (hidden.has(j)) return;
          const b = LETTERS.indexOf(context[j] ?? "");
          energy += this.#couplings[400 * k + 20 * a + b] ?? 0;
        });
        const weight = Math.exp(energy);
        result[20 * i + a] = weight;
        sum += weight;
      }
      for (let a = 0; a < 20; a += 1) result[20 * i + a] = (result[20 * i + a] ?? 0) / sum;
    });
    return result;
  }

  /** (3, 20, 20): the mean of both orders of the chain rule, i first, j first. */
  joint(i: number, j: number): Float32Array {
    const row = (k: number, masked: number[], other: number, letter: string | undefined) =>
      this.probabilities(masked, letter ? [[other, letter]] : []).subarray(20 * k, 20 * k + 20);
    const both = [i, j];
    const [atI, atJ] = [row(i, both, j, undefined), row(j, both, i, undefined)];
    const tables = new Float32Array(3 * 400);
    for (let a = 0; a < 20; a += 1) {
      const afterI = row(j, [j], i, LETTERS[a]);
      const afterJ = row(i, [i], j, LETTERS[a]);
      for (let b = 0; b < 20; b += 1) {
        tables[400 + 20 * a + b] = (atI[a] ?? 0) * (afterI[b] ?? 0);
        tables[800 + 20 * b + a] = (atJ[a] ?? 0) * (afterJ[b] ?? 0);
      }
    }
    for (let k = 0; k < 400; k += 1) {
      tables[k] = ((tables[400 + k] ?? 0) + (tables[800 + k] ?? 0)) / 2;
    }
    return tables;
  }

  /** (20, 20): how residue a at i and b at j are coupled, centred over both. */
  block(i: number, j: number): Float32Array {
    const block = new Float32Array(400);
    for (const [one, other] of [[i, j] as const, [j, i] as const]) {
      (this.contacts[one] ?? []).forEach((partner, k) => {
        if (partner !== other) return;
        for (let at = 0; at < 400; at += 1) {
          const [a, b] = [Math.floor(at / 20), at % 20];
          const to = one === i ? at : 20 * b + a;
          block[to] = (block[to] ?? 0) + (this.#couplings[400 * k + at] ?? 0);
        }
      });
    }
    const mean = (indices: number[]) => indices.reduce((sum, at) => sum + (block[at] ?? 0), 0) / 20;
    for (const [step, stride] of [
      [20, 1],
      [1, 20],
    ] as const) {
      for (let k = 0; k < 20; k += 1) {
        const line = Array.from({ length: 20 }, (_, m) => step * k + stride * m);
        const shift = mean(line);
        for (const at of line) block[at] = (block[at] ?? 0) - shift;
      }
    }
    return block;
  }

  /** (L, L) row = residue affected, column = the one hidden as well; NaN on the diagonal. */
  pairMap(contact: number, noise: number): Float32Array {
    const length = this.sequence.length;
    const random = randomSource(3);
    const map = new Float32Array(length * length);
    for (let i = 0; i < length; i += 1) {
      for (let j = 0; j < length; j += 1) {
        const near = this.contacts[i]?.includes(j) || this.contacts[j]?.includes(i);
        map[i * length + j] =
          i === j ? Number.NaN : (near ? contact : 0) * (0.4 + random()) + noise * random();
      }
    }
    return map;
  }
}
