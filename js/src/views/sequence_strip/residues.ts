/** The residues themselves: blocks of ten cells that wrap with the width. */
import { BLOCK, blocks, bringIntoSight } from "../../core/blocks";
import { chemistryColour, colourOf, inkOn, type ScaleKind } from "../../core/colour";
import { element } from "../../core/elements";
import type { ProteinInfo } from "../../core/model";
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
  /** The element that has the keyboard and gets all events of the cells. */
  readonly list = element("div", {
    class: "strip-list",
    role: "listbox",
    tabindex: 0,
    "aria-multiselectable": "true",
    "aria-label":
      "Residues: arrows move, space masks, a letter substitutes, Backspace takes it back, Escape clears",
  });
  #protein: ProteinInfo;
  #cells: HTMLElement[];
  /** What each cell shows, so that only cells that change are touched. */
  #shown: string[];
  #focused: HTMLElement | null = null;
  #pointed: HTMLElement[] = [];

  constructor(protein: ProteinInfo) {
    this.#protein = protein;
    this.#cells = [...protein.sequence].map((_, i) =>
      element("div", { class: "strip-cell", role: "option", id: `r${i}`, "data-position": i }),
    );
    this.#shown = this.#cells.map(() => "");
    this.list.append(...blocks(this.#cells, protein.labels));
  }

  /** How many residues a row has at the present width. */
  get perRow(): number {
    const columns = getComputedStyle(this.list).gridTemplateColumns.split(" ").length;
    return BLOCK * Math.max(1, columns);
  }

  /** Colour by `scale`, by chemistry when it is null, or not at all when it is undefined. */
  draw(state: SelectionState, scale: Scale | null | undefined, drag: Drag | null): void {
    const masked = new Set(state.masked);
    const replaced = new Map(state.substitutions);
    for (const [i, cell] of this.#cells.entries()) {
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
    const focused = state.focus === null ? null : (this.#cells[state.focus] ?? null);
    if (focused === this.#focused) return;
    this.#focused?.classList.remove("is-focus");
    focused?.classList.add("is-focus");
    if (focused) this.list.setAttribute("aria-activedescendant", focused.id);
    else this.list.removeAttribute("aria-activedescendant");
    this.#focused = focused;
  }

  hover(positions: readonly number[]): void {
    for (const cell of this.#pointed) cell.classList.remove("is-hover");
    this.#pointed = positions.flatMap((position) => this.#cells[position] ?? []);
    for (const cell of this.#pointed) cell.classList.add("is-hover");
  }

  reveal(position: number): void {
    bringIntoSight(this.list, this.#cells[position]);
  }
}

function colours(letter: string, i: number, scale: Scale | null | undefined): [string, string] {
  if (scale === null) return [chemistryColour(letter), "#ffffff"];
  const value = scale?.values[i] ?? Number.NaN;
  if (!scale || !Number.isFinite(value)) return ["", ""];
  const { kind, low, high } = scale;
  return [colourOf(kind, value, low, high), inkOn(kind, value, low, high)];
}
