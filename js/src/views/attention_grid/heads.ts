/** The heads of a model as Python sends them, and their order by precision; no DOM here. */
import { type ArrayEnvelope, decodeArray } from "../../core/arrays";

export interface Place {
  /** Row of the grid, which is not the layer's number where only some layers are shown. */
  row: number;
  head: number;
}

export class Heads {
  readonly rows: number;
  readonly heads: number;
  /** Pixels along the side of a picture. */
  readonly side: number;
  #pictures: Uint8Array;
  #precision: Float32Array | null = null;

  constructor(pictures: ArrayEnvelope, precision: ArrayEnvelope | null) {
    const { shape, values } = decodeArray(pictures);
    const [rows = 0, heads = 0, side = 0] = shape;
    if (shape.length !== 4 || shape[3] !== side || !(values instanceof Uint8Array)) {
      throw new Error(`pictures of attention heads came with shape (${shape.join(", ")})`);
    }
    this.rows = rows;
    this.heads = heads;
    this.side = side;
    this.#pictures = values;
    if (!precision) return;
    const shares = decodeArray(precision);
    if (shares.shape.join() !== `${rows},${heads}` || !(shares.values instanceof Float32Array)) {
      throw new Error(`precisions of ${rows} x ${heads} heads came otherwise`);
    }
    this.#precision = shares.values;
  }

  /** Bytes of a picture, row by row: 0 none to 255 strongest; of a difference 128 is none. */
  picture({ row, head }: Place): Uint8Array {
    const size = this.side * this.side;
    const start = (row * this.heads + head) * size;
    return this.#pictures.subarray(start, start + size);
  }

  /** Share of contacts among the head's best pairs, 0 to 1; null where no structure is known. */
  precision({ row, head }: Place): number | null {
    return this.#precision?.[row * this.heads + head] ?? null;
  }

  /** The heads that find contacts best, best first. */
  best(count: number): Place[] {
    const shares = this.#precision;
    if (!shares) return [];
    return Array.from(shares, (share, at) => ({ share, at }))
      .sort((one, other) => other.share - one.share || one.at - other.at)
      .slice(0, count)
      .filter(({ share }) => share > 0)
      .map(({ at }) => ({ row: Math.floor(at / this.heads), head: at % this.heads }));
  }
}
