/** Each residue, what became of it, and what the model sees in its place. */
import { element } from "../../core/elements";
import type { ProteinInfo } from "../../core/model";
import { ResidueList } from "../../core/residue_list";

/** In the order of the codes that Python sends. */
export const FATES = ["untouched", "masked", "random", "kept"] as const;
type Fate = (typeof FATES)[number];
export const MASK = "_";

export function swatch(fate: Fate): HTMLElement {
  return element("span", { class: `fate-swatch fate-${fate}`, "aria-hidden": "true" });
}

export function fateOf(code: number | undefined): Fate {
  return FATES[code ?? 0] ?? "untouched";
}

/** "A25 → W: random" and what the model gave to A. */
export function describe(label: string, fate: Fate, shown: string, p: number | undefined): string {
  const seen = { untouched: "not chosen", masked: "hidden", random: `shown as ${shown}` };
  const lines = [`${label}: ${fate === "kept" ? "kept, but to be guessed" : seen[fate]}`];
  if (p !== undefined && Number.isFinite(p)) {
    const nats = (-Math.log(p)).toFixed(2);
    lines.push(`p(${label.slice(0, 1)}) = ${p.toFixed(3)}, a loss of ${nats} nats`);
  }
  return lines.join("\n");
}

export class FateStrip {
  readonly list: ResidueList;
  #protein: ProteinInfo;
  #seen: HTMLElement[];
  /** What each cell shows, so that only cells that change are touched. */
  #shown: string[];

  constructor(protein: ProteinInfo) {
    this.#protein = protein;
    this.list = new ResidueList(protein.labels, "f", {
      class: "fate-list",
      "aria-label": "Residues, and what the model sees: arrows move",
    });
    this.#shown = protein.labels.map(() => "");
    this.#seen = this.list.cells.map((cell, i) => {
      const seen = element("span", { class: "fate-seen" });
      cell.append(element("span", { class: "fate-was" }, protein.sequence[i] ?? ""), seen);
      return seen;
    });
  }

  draw(fates: ArrayLike<number>, given: string, p: ArrayLike<number> | null): void {
    for (const [i, cell] of this.list.cells.entries()) {
      const fate = fateOf(fates[i]);
      const letter = given[i] ?? "";
      const chance = p?.[i];
      const shown = `${fate} ${letter} ${chance}`;
      if (this.#shown[i] === shown) continue;
      this.#shown[i] = shown;
      for (const other of FATES) cell.classList.toggle(`fate-${other}`, other === fate);
      cell.ariaLabel = describe(this.#protein.labels[i] ?? "", fate, letter, chance);
      const seen = this.#seen[i];
      if (seen) seen.textContent = letter === MASK ? "" : letter;
    }
  }
}
