/** One trace as a strip: what is hidden, and what was revealed as what, in which step. */
import { colourOf, inkOn } from "../../core/colour";
import { element } from "../../core/elements";
import type { ProteinInfo } from "../../core/model";
import { ResidueList } from "../../core/residue_list";
import type { Trace } from "./trace";

export type Colouring = "step" | "probability";

export class Lane {
  readonly node: HTMLElement;
  readonly list: ResidueList;
  #protein: ProteinInfo;
  /** What each cell shows, so that only cells that change are touched. */
  #shown: string[];
  #title = element("div", { class: "plm-title" });
  #summary = element("div", { class: "unmasking-summary" });

  constructor(protein: ProteinInfo, which: number) {
    this.#protein = protein;
    this.list = new ResidueList(protein.labels, `u${which}-`, { class: "unmasking-list" });
    this.#shown = protein.labels.map(() => "");
    this.node = element(
      "div",
      { class: "unmasking-lane" },
      this.#title,
      this.list.node,
      this.#summary,
    );
  }

  /** `last` is the last step of all lanes, which share a scale. */
  draw(trace: Trace, step: number, last: number, colouring: Colouring, focus: number | null): void {
    const { sequence, labels } = this.#protein;
    this.#title.textContent = trace.title;
    this.#summary.textContent = trace.summary(step);
    this.list.node.ariaLabel = `Residues by ${trace.title}: arrows move`;
    for (const [i, cell] of this.list.cells.entries()) {
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
    this.list.focus(focus);
  }
}

function colours(trace: Trace, i: number, last: number, colouring: Colouring): [string, string] {
  const [value, high] =
    colouring === "step" ? [trace.stepOf(i), Math.max(1, last)] : [trace.probability(i), 1];
  return [colourOf("sequential", value, 0, high), inkOn("sequential", value, 0, high)];
}
