/**
 * The substitutions under the pointer, shared by the views of a page that show single ones: finer
 * than the selection's hover, which is of residues. On the page alone: no kernel need know of it.
 */
import { PageBus } from "./page_bus";

/** [position, amino acid] */
export type Cell = readonly [position: number, letter: string];

export class CellLink {
  #bus: PageBus<readonly Cell[]>;
  #cells: readonly Cell[] = [];

  /** `listener` hears when another view points elsewhere. */
  constructor(id: string, signal: AbortSignal, listener: () => void) {
    this.#bus = new PageBus("cell-bus", id, signal, (cells) => {
      this.#cells = cells;
      listener();
    });
  }

  get cells(): readonly Cell[] {
    return this.#cells;
  }

  /** Say what this view points at: several cells for a variant of several substitutions. */
  point(cells: readonly Cell[]): void {
    if (JSON.stringify(cells) === JSON.stringify(this.#cells)) return;
    this.#cells = cells;
    this.#bus.tell(cells);
  }
}
