/** The maps as they come from the kernel, decoded once for each change. */
import { type ArrayEnvelope, decodeArray } from "../../core/arrays";
import type { ScaleKind } from "../../core/colour";
import { type Look, lookOf, paint, rankFrom, rankInto, type Summary, summarise } from "./raster";
import { type MapFacts, sameMap } from "./tooltip_text";

export interface MapTrait {
  name: string;
  model: string;
  label: string;
  unit: string;
  kind: ScaleKind;
  values: ArrayEnvelope;
  limits: [number, number];
  directed: boolean;
  /** Whether the numbers come from the scan, and not from the structure. */
  scanned: boolean;
  normalised: boolean;
  floor: number | null;
}

export interface PairMap extends MapFacts, Summary {
  limits: readonly [number, number];
  normalised: boolean;
  /** Values below it are noise; null where that is not known. */
  floor: number | null;
}

export function decodeMap(trait: MapTrait, length: number): PairMap {
  const values = decodeMatrix(trait.values, length);
  return { ...trait, values, ...summarise(values, length) };
}

export function decodeMatrix(envelope: ArrayEnvelope, length: number): ArrayLike<number> {
  const { shape, values } = decodeArray(envelope);
  if (shape.length !== 2 || shape[0] !== length || shape[1] !== length) {
    throw new Error(
      `a map of shape (${shape.join(", ")}) does not fit a protein of ${length} residues`,
    );
  }
  return values;
}

/** Ends of the colour bar: all values, and 0 where the scale starts there. */
export function extentOf(map: PairMap): readonly [number, number] {
  const { kind, limits, low, high, known } = map;
  if (known === 0) return limits;
  if (kind === "diverging") {
    const size = Math.max(Math.abs(low), Math.abs(high), limits[1]);
    return [-size, size];
  }
  return [Math.min(0, low, limits[0]), Math.max(high, limits[1])];
}

interface Request {
  upper: PairMap | null;
  lower: PairMap | null;
  /** For the upper map instead of its own. */
  limits: readonly [number, number] | null;
  length: number;
  /** Side of the image in pixels, at most `length`. */
  size: number;
  dark: boolean;
}

/** The two maps as one picture, painted again only when a value, a scale or the size changed. */
export class Raster {
  #ranks = new Uint8Array();
  #ranked: readonly unknown[] = [];
  #painted: readonly unknown[] = [];
  #looks = new Map<string, Look>();
  #canvas = new OffscreenCanvas(1, 1);

  /** A square image of size x size pixels; null when there is no map. */
  draw({ upper, lower, limits, length, size, dark }: Request): OffscreenCanvas | null {
    if (!upper && !lower) return null;
    // The same map twice is one full matrix, with one scale.
    const full = upper !== null && lower !== null && sameMap(upper, lower);
    const [low, high] = limits ?? upper?.limits ?? [0, 1];
    const ranked = [upper, lower, low, high];
    if (!same(ranked, this.#ranked)) {
      if (this.#ranks.length !== length * length) this.#ranks = new Uint8Array(length * length);
      rankInto(this.#ranks, upper?.values ?? null, length, [low, high], full ? "both" : "upper");
      if (!full) {
        rankInto(this.#ranks, lower?.values ?? null, length, lower?.limits ?? [0, 1], "lower");
      }
      this.#ranked = ranked;
      this.#painted = [];
    }
    if (!same([size, dark], this.#painted)) {
      const above = this.#look(upper, [low, high], dark);
      const below = full ? above : this.#look(lower, lower?.limits ?? [0, 1], dark);
      const pixels = paint(this.#ranks, length, above, below, size);
      if (this.#canvas.width !== size) this.#canvas = new OffscreenCanvas(size, size);
      const bytes = new Uint8ClampedArray(pixels.buffer as ArrayBuffer);
      this.#canvas.getContext("2d")?.putImageData(new ImageData(bytes, size, size), 0, 0);
      this.#painted = [size, dark];
    }
    return this.#canvas;
  }

  #look(map: PairMap | null, limits: readonly [number, number], dark: boolean): Look {
    const kind = map?.kind ?? "sequential";
    const clear = map?.floor == null ? 1 : rankFrom(map.floor, limits);
    const key = `${kind} ${dark} ${clear}`;
    const look = this.#looks.get(key) ?? lookOf(kind, dark, clear);
    this.#looks.set(key, look);
    return look;
  }
}

function same(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, k) => Object.is(value, b[k]));
}
