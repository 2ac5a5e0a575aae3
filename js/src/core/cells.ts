/**
 * The substitutions under the pointer, shared by the views of a page that show single ones: finer
 * than the selection's hover, which is of residues. On the page alone: no kernel need know of it.
 */

/** [position, amino acid] */
export type Cell = readonly [position: number, letter: string];

interface Message {
  origin: CellLink;
  cells: readonly Cell[];
}

const BUS = Symbol.for("plmwidgets.cell-bus");

/** Views are separate bundles: the only place they share is the page. */
function busOf(id: string): Set<(message: Message) => void> {
  const page = globalThis as { [BUS]?: Map<string, Set<(message: Message) => void>> };
  page[BUS] ??= new Map();
  const bus = page[BUS].get(id) ?? new Set();
  page[BUS].set(id, bus);
  return bus;
}

export class CellLink {
  #bus: Set<(message: Message) => void>;
  #cells: readonly Cell[] = [];

  /** `listener` hears when another view points elsewhere. */
  constructor(id: string, signal: AbortSignal, listener: () => void) {
    this.#bus = busOf(id);
    const receive = ({ origin, cells }: Message): void => {
      if (origin === this) return;
      this.#cells = cells;
      listener();
    };
    this.#bus.add(receive);
    signal.addEventListener("abort", () => this.#bus.delete(receive), { once: true });
  }

  get cells(): readonly Cell[] {
    return this.#cells;
  }

  /** Say what this view points at: several cells for a variant of several substitutions. */
  point(cells: readonly Cell[]): void {
    if (JSON.stringify(cells) === JSON.stringify(this.#cells)) return;
    this.#cells = cells;
    for (const receive of [...this.#bus]) receive({ origin: this, cells });
  }
}
