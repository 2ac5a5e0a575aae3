/** Arrays and code as the page carries them: compressed text; see plmwidgets/offline/packing.py. */
import type { ArrayEnvelope } from "../core/arrays";

export interface Packed {
  dtype: "float32" | "uint8" | "sqrt16" | "linear16";
  shape: number[];
  data: string;
  /** Of linear16: the value of code 0, and of a step. */
  low?: number;
  step?: number;
}

const WIDTH = { float32: 4, uint8: 1, sqrt16: 2, linear16: 2 };
const MISSING = 65535;
const TOP = 65534;

/** An array of the page; numbers are made of the bytes when they are asked for. */
export class Unpacked {
  readonly shape: readonly number[];
  readonly size: number;
  #packed: Packed;
  /** All first bytes of the numbers, then all second ones, ... */
  #planes: Uint8Array;

  constructor(packed: Packed, planes: Uint8Array) {
    this.#packed = packed;
    this.#planes = planes;
    this.shape = packed.shape;
    this.size = packed.shape.reduce((product, n) => product * n, 1);
    if (planes.length !== this.size * WIDTH[packed.dtype]) {
      throw new Error("this page is damaged: save it again in the notebook");
    }
  }

  /** `count` numbers from index `start` on; NaN where unknown. */
  read(start = 0, count = this.size): Float32Array<ArrayBuffer> {
    const { dtype, low = 0, step = 1 } = this.#packed;
    const planes = this.#planes;
    const size = this.size;
    const values = new Float32Array(count);
    if (dtype === "float32") {
      const bytes = new DataView(values.buffer);
      for (let k = 0; k < count; k += 1) {
        for (let b = 0; b < 4; b += 1) bytes.setUint8(4 * k + b, planes[b * size + start + k] ?? 0);
      }
      return values;
    }
    for (let k = 0; k < count; k += 1) {
      const first = planes[start + k] ?? 0;
      if (dtype === "uint8") values[k] = first;
      else {
        const code = first + 256 * (planes[size + start + k] ?? 0);
        if (code === MISSING) values[k] = Number.NaN;
        else values[k] = dtype === "sqrt16" ? (code / TOP) ** 2 : low + step * code;
      }
    }
    return values;
  }
}

/** An array as Python sent it, for a view that reads it by itself. */
export async function unpackExactly(packed: Packed): Promise<ArrayEnvelope> {
  const array = await unpack(packed);
  const { dtype, shape } = packed;
  if (dtype === "uint8") return { dtype, shape, data: Uint8Array.from(array.read()) };
  return envelopeOf(array.read(), shape);
}

export async function unpack(packed: Packed): Promise<Unpacked> {
  return new Unpacked(packed, new Uint8Array(await inflate(packed.data)));
}

export async function unpackText(data: string): Promise<string> {
  return new TextDecoder().decode(await inflate(data));
}

/** As the views read arrays. */
export function envelopeOf(
  values: Float32Array<ArrayBuffer>,
  shape: readonly number[],
): ArrayEnvelope {
  return { dtype: "float32", shape: [...shape], data: values };
}

export function isPacked(value: unknown): value is Packed {
  const { dtype, data } = (value ?? {}) as Partial<Packed>;
  return typeof data === "string" && typeof dtype === "string" && dtype in WIDTH;
}

function inflate(data: string): Promise<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}
