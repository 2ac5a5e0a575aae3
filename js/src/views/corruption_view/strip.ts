/** Each residue, what became of it, and what the model sees in its place. */
import { blocks, bringIntoSight, positionOf } from "../../core/blocks";
import { element } from "../../core/elements";
import type { ProteinInfo } from "../../core/model";

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
  readonly list = element("div", {
    class: "strip-list fate-list",
    role: "listbox",
    tabindex: 0,
    "aria-label": "Residues, and what the model sees: arrows move",
  });
  #protein: ProteinInfo;
  #cells: { node: HTMLElement; was: HTMLElement; seen: HTMLElement; drawn: string }[];
  #focused: HTMLElement | null = null;

  constructor(protein: ProteinInfo) {
    this.#protein = protein;
    this.#cells = [...protein.sequence].map((letter, i) => {
      const was = element("span", { class: "fate-was" }, letter);
      const seen = element("span", { class: "fate-seen" });
      const node = element(
        "div",
        { class: "strip-cell", role: "option", id: `f${i}`, "data-position": i },
        was,
        seen,
      );
      return { node, was, seen, drawn: "" };
    });
    this.list.append(
      ...blocks(
        this.#cells.map(({ node }) => node),
        protein.labels,
      ),
    );
  }

  get perRow(): number {
    return 10 * Math.max(1, getComputedStyle(this.list).gridTemplateColumns.split(" ").length);
  }

  draw(fates: ArrayLike<number>, shown: string, p: ArrayLike<number> | null): void {
    for (const [i, cell] of this.#cells.entries()) {
      const fate = fateOf(fates[i]);
      const letter = shown[i] ?? "";
      const chance = p?.[i];
      const drawn = `${fate} ${letter} ${chance}`;
      if (drawn === cell.drawn) continue;
      cell.drawn = drawn;
      cell.node.className = `strip-cell fate-${fate}`;
      cell.seen.textContent = letter === MASK ? "" : letter;
      cell.node.ariaLabel = describe(this.#protein.labels[i] ?? "", fate, letter, chance);
    }
    if (this.#focused) this.#focused.classList.add("is-focus"); // the class was set anew
  }

  focus(position: number | null): void {
    const node = position === null ? null : (this.#cells[position]?.node ?? null);
    if (node !== this.#focused) {
      this.#focused?.classList.remove("is-focus");
      node?.classList.add("is-focus");
      this.#focused = node;
    }
    if (node) this.list.setAttribute("aria-activedescendant", node.id);
    else this.list.removeAttribute("aria-activedescendant");
    for (const cell of this.#cells) cell.node.ariaSelected = String(cell.node === node);
  }

  reveal(position: number): void {
    bringIntoSight(this.list, this.#cells[position]?.node);
  }

  /** The residue under an event, or null between residues. */
  at(event: Event): number | null {
    return positionOf(event.target as Element | null);
  }
}
