/** A list of residues in blocks, to point at, click and walk through; see blocks.css. */
import { BLOCK, blocks, bringIntoSight, moveFocus, positionOf } from "./blocks";
import { type Attributes, element } from "./elements";
import type { SelectionLink } from "./selection";
import type { Tooltip } from "./tooltip";

/** What the pointer and the keys change, and what they show. */
interface Walk {
  selection: SelectionLink;
  signal: AbortSignal;
  tooltip: Tooltip;
  /** What a tooltip says of a residue. */
  describe(position: number): string;
}

export class ResidueList {
  /** Has the keyboard, and gets all events of the cells. */
  readonly node: HTMLElement;
  readonly cells: readonly HTMLElement[];
  /** Whether the focus is what is selected; else the view says which cells are. */
  #single: boolean;
  #focused: HTMLElement | null = null;
  #pointed: readonly HTMLElement[] = [];

  /** `id` tells the cells of two lists of a view apart. */
  constructor(labels: readonly string[], id: string, attributes: Attributes) {
    this.#single = attributes["aria-multiselectable"] !== "true";
    this.cells = labels.map((_, i) =>
      element("div", {
        class: "strip-cell",
        role: "option",
        id: `${id}${i}`,
        "data-position": i,
        "aria-selected": "false",
      }),
    );
    const { class: own = "", ...others } = attributes;
    this.node = element(
      "div",
      { class: `strip-list ${own}`.trim(), role: "listbox", tabindex: 0, ...others },
      ...blocks(this.cells, labels),
    );
  }

  /** How many residues a row has at the present width. */
  get perRow(): number {
    const columns = getComputedStyle(this.node).gridTemplateColumns.split(" ").length;
    return BLOCK * Math.max(1, columns);
  }

  focus(position: number | null): void {
    const focused = position === null ? null : (this.cells[position] ?? null);
    if (focused === this.#focused) return;
    for (const cell of [this.#focused, focused]) {
      cell?.classList.toggle("is-focus", cell === focused);
      if (this.#single) cell?.setAttribute("aria-selected", String(cell === focused));
    }
    if (focused) this.node.setAttribute("aria-activedescendant", focused.id);
    else this.node.removeAttribute("aria-activedescendant");
    this.#focused = focused;
  }

  hover(positions: readonly number[]): void {
    for (const cell of this.#pointed) cell.classList.remove("is-hover");
    this.#pointed = positions.flatMap((position) => this.cells[position] ?? []);
    for (const cell of this.#pointed) cell.classList.add("is-hover");
  }

  reveal(position: number): void {
    bringIntoSight(this.node, this.cells[position]);
  }

  /** Let the pointer show what it is on, and a click or the arrow keys move the focus. */
  walk({ selection, signal, tooltip, describe }: Walk): void {
    const on = <K extends keyof HTMLElementEventMap>(
      name: K,
      react: (event: HTMLElementEventMap[K]) => void,
    ): void => this.node.addEventListener(name, react, { signal });
    on("pointermove", (event) => {
      const position = positionOf(event.target as Element);
      selection.setHover(position === null ? [] : [position]);
      if (position === null) tooltip.hide();
      else tooltip.show(describe(position), event.clientX, event.clientY);
    });
    on("pointerleave", () => {
      selection.setHover([]);
      tooltip.hide();
    });
    on("click", (event) => {
      const position = positionOf(event.target as Element);
      if (position !== null) selection.change({ focus: position });
    });
    on("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const { focus } = selection.state;
      const next = moveFocus(event.key, focus, this.cells.length, this.perRow);
      if (next === null) return;
      selection.change({ focus: next });
      this.reveal(next);
      event.preventDefault();
      event.stopPropagation();
    });
  }
}
