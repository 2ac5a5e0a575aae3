/** The residues themselves: blocks of ten cells that wrap with the width. */
import { chemistryColour, colourOf, inkOn, type ScaleKind } from "../../core/colour";
import type { ProteinInfo } from "../../core/model";
import { ResidueList } from "../../core/residue_list";
import type { SelectionState } from "../../core/selection";
import { type Drag, describe, inDrag } from "./gestures";

export interface Scale {
  values: ArrayLike<number>;
  label: string;
  kind: ScaleKind;
  low: number;
  high: number;
  /** Names of the classes that the values number; none where they are amounts. */
  classes: readonly string[];
}

export class Residues {
  readonly list: ResidueList;
  #protein: ProteinInfo;
  /** What each cell shows, so that only cells that change are touched. */
  #shown: string[];

  constructor(protein: ProteinInfo) {
    this.#protein = protein;
    this.list = new ResidueList(protein.labels, "r", {
      "aria-multiselectable": "true",
      "aria-label":
        "Residues: arrows move, space masks, a letter substitutes, Backspace takes it back, Escape clears",
    });
    this.#shown = protein.labels.map(() => "");
  }

  /** Colour by `scale`, by chemistry when it is null, or not at all when it is undefined. */
  draw(state: SelectionState, scale: Scale | null | undefined, drag: Drag | null): void {
    const masked = new Set(state.masked);
    const replaced = new Map(state.substitutions);
    for (const [i, cell] of this.list.cells.entries()) {
      const own = this.#protein.sequence[i] ?? "";
      const replacement = replaced.get(i);
      const letter = replacement ?? own;
      const [fill, ink] = colours(letter, i, scale);
      const preview = inDrag(drag, i) ? (drag?.mask ? "mask" : "unmask") : "";
      const shown = `${letter} ${replacement ?? ""} ${masked.has(i)} ${fill} ${preview}`;
      if (this.#shown[i] === shown) continue;
      this.#shown[i] = shown;
      cell.textContent = letter;
      cell.style.background = fill;
      cell.style.color = ink;
      cell.classList.toggle("is-masked", masked.has(i));
      cell.classList.toggle("is-replaced", replacement !== undefined);
      cell.classList.toggle("will-mask", preview === "mask");
      cell.classList.toggle("will-unmask", preview === "unmask");
      cell.ariaSelected = String(masked.has(i));
      cell.ariaLabel = describe(this.#protein.labels[i] ?? own, masked.has(i), replacement);
    }
    this.list.focus(state.focus);
  }
}

function colours(letter: string, i: number, scale: Scale | null | undefined): [string, string] {
  if (scale === null) return [chemistryColour(letter), "#ffffff"];
  const value = scale?.values[i] ?? Number.NaN;
  if (!scale || !Number.isFinite(value)) return ["", ""];
  const { kind, low, high } = scale;
  return [colourOf(kind, value, low, high), inkOn(kind, value, low, high)];
}
