/** One trace as a strip: what is hidden, and what was revealed as what, in which step. */
import { colourOf, inkOn } from "../../core/colour";
import { element } from "../../core/elements";
import type { ProteinInfo } from "../../core/model";
import type { Trace } from "./trace";

const BLOCK = 10;

export type Colouring = "step" | "probability";

export class Lane {
  readonly node: HTMLElement;
  readonly list: HTMLElement;
  #protein: ProteinInfo;
  #cells: HTMLElement[];
  #shown: string[];
  #title = element("div", { class: "unmasking-title" });
  #summary = element("div", { class: "unmasking-summary" });
  #focused: HTMLElement | null = null;
  #pointed: HTMLElement[] = [];

  constructor(protein: ProteinInfo, which: number) {
    this.#protein = protein;
    this.#cells = [...protein.sequence].map((_, i) =>
      element("div", {
        class: "unmasking-cell",
        role: "option",
        id: `u${which}-${i}`,
        "data-position": i,
        "aria-selected": "false",
      }),
    );
    this.#shown = this.#cells.map(() => "");
    this.list = element("div", { class: "unmasking-list", role: "listbox", tabindex: 0 });
    for (let start = 0; start < this.#cells.length; start += BLOCK) {
      this.list.append(
        element(
          "div",
          { class: "unmasking-block", role: "none" },
          element(
            "div",
            { class: "unmasking-number", "aria-hidden": "true" },
            (protein.labels[start] ?? "").slice(1),
          ),
          element(
            "div",
            { class: "unmasking-cells", role: "none" },
            ...this.#cells.slice(start, start + BLOCK),
          ),
        ),
      );
    }
    this.node = element("div", { class: "unmasking-lane" }, this.#title, this.list, this.#summary);
  }

  /** `last` is the last step of all lanes, which share a scale. */
  draw(trace: Trace, step: number, last: number, colouring: Colouring, focus: number | null): void {
    const { sequence, labels } = this.#protein;
    this.#title.textContent = trace.title;
    this.#summary.textContent = trace.summary(step);
    this.list.ariaLabel = `Residues by ${trace.title}: arrows move`;
    for (const [i, cell] of this.#cells.entries()) {
      const state = trace.state(i, step);
      const wildType = sequence[i] ?? "";
      const letter =
        state === "context" ? wildType : state === "hidden" ? "" : (trace.sequence[i] ?? "");
      const [fill, ink] =
        state === "new" || state === "revealed" ? colours(trace, i, last, colouring) : ["", ""];
      const same = letter === wildType;
      const shown = `${state} ${letter} ${fill} ${same}`;
      // The entropy of what is hidden changes from step to step: only in words.
      cell.ariaLabel = trace
        .describe(i, step, labels[i] ?? wildType, wildType)
        .replaceAll("\n", ", ");
      if (this.#shown[i] === shown) continue;
      this.#shown[i] = shown;
      cell.textContent = letter;
      cell.style.background = fill;
      cell.style.color = ink;
      cell.dataset.state = state;
      cell.classList.toggle("is-other", state !== "context" && state !== "hidden" && !same);
    }
    const focused = focus === null ? null : (this.#cells[focus] ?? null);
    if (focused === this.#focused) return;
    this.#focused?.classList.remove("is-focus");
    if (this.#focused) this.#focused.ariaSelected = "false";
    focused?.classList.add("is-focus");
    if (focused) {
      focused.ariaSelected = "true";
      this.list.setAttribute("aria-activedescendant", focused.id);
    } else this.list.removeAttribute("aria-activedescendant");
    this.#focused = focused;
  }

  hover(positions: readonly number[]): void {
    for (const cell of this.#pointed) cell.classList.remove("is-hover");
    this.#pointed = positions.flatMap((position) => this.#cells[position] ?? []);
    for (const cell of this.#pointed) cell.classList.add("is-hover");
  }

  /** How many residues a row has at the present width. */
  get perRow(): number {
    const columns = getComputedStyle(this.list).gridTemplateColumns.split(" ").length;
    return BLOCK * Math.max(1, columns);
  }
}

function colours(trace: Trace, i: number, last: number, colouring: Colouring): [string, string] {
  const [value, high] =
    colouring === "step" ? [trace.stepOf(i), Math.max(1, last)] : [trace.probability(i), 1];
  return [colourOf("sequential", value, 0, high), inkOn("sequential", value, 0, high)];
}

/** The position of the cell under an element, or null between cells. */
export function positionOf(target: Element | null | undefined): number | null {
  const cell = target?.closest<HTMLElement>("[data-position]");
  return cell ? Number(cell.dataset.position) : null;
}
