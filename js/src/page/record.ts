/** What Python wrote into the page; see plmwidgets/offline/record.py. */
import type { ScaleKind } from "../core/colour";
import type { SelectionState } from "../core/selection";
import type { Packed, Unpacked } from "./packing";

export type Context = Pick<SelectionState, "masked" | "substitutions">;

export interface Colour {
  label: string;
  range: [number, number];
  kind: ScaleKind;
  classes: readonly string[];
  /** Null: of the context of now. */
  values: Packed | null;
}

export interface MapContent {
  name: string;
  kind: ScaleKind;
  /** Which of the arrays holds its values. */
  values: number;
}

/** What an explorer knew. */
export interface ExplorerRecord {
  made: { name: string; model: string; date: string; version: string };
  facts: string[];
  /** The traits of each view. */
  views: Record<string, Record<string, unknown>>;
  selection: SelectionState;
  contexts: [number[], [number, string][]][];
  /** (contexts, L, 20) */
  probabilities: Packed;
  /** (L, L, 20): p(i|{i,j}), and p(i|{i}) on the diagonal; null where there are none. */
  pairs: Packed | null;
  colours: Record<string, Colour>;
  /** By normalisation and name. */
  maps: { contents: Record<string, Record<string, MapContent>>; arrays: Packed[] } | null;
}

/**
 * Views as they stood, of any page or by themselves: their bundles and traits. Those that are
 * usable show all their states without Python.
 */
export interface StillRecord {
  still: { name: string; traits: Record<string, unknown>; usable: boolean }[];
}

interface Carried {
  /** The code of each view. */
  bundles: Record<string, string>;
  licences: string;
}

export type PageRecord = ExplorerRecord & Carried;

/** What goes into the places of a notebook's page. */
export type NotebookRecord = { parts: (ExplorerRecord | StillRecord)[] } & Carried;

export interface Answer {
  /** (L, 20); NaN where unknown. */
  probabilities: Float32Array<ArrayBuffer>;
  /** Whether only the masked residues are known. */
  partial: boolean;
}

/** The contexts that the page has an answer for. */
export class Answers {
  #index: Map<string, number>;
  #whole: Unpacked;
  #pairs: Unpacked | null;
  #length: number;

  constructor(contexts: ExplorerRecord["contexts"], whole: Unpacked, pairs: Unpacked | null) {
    this.#index = new Map(contexts.map((context, k) => [JSON.stringify(context), k]));
    this.#whole = whole;
    this.#pairs = pairs;
    this.#length = whole.shape[1] ?? 0;
  }

  at({ masked, substitutions }: Context): Answer | null {
    const size = 20 * this.#length;
    const k = this.#index.get(JSON.stringify([masked, substitutions]));
    if (k !== undefined) return { probabilities: this.#whole.read(k * size, size), partial: false };
    const [i, j = i] = masked;
    if (!this.#pairs || substitutions.length > 0 || masked.length > 2) return null;
    if (i === undefined || j === undefined) return null;
    const probabilities = new Float32Array(size).fill(Number.NaN);
    for (const [row, other] of [
      [i, j],
      [j, i],
    ] as const) {
      probabilities.set(this.#pairs.read(row * size + 20 * other, 20), 20 * row);
    }
    const known = [i, j].every((row) => !Number.isNaN(probabilities[20 * row]));
    return known ? { probabilities, partial: true } : null;
  }
}
