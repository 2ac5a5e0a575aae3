/** The score board: the keys of the twenty residues, and a line of bars for everybody. */
import { element } from "../../core/elements";
import type { Line } from "./lines";

const NAMES: Record<string, string> = {
  A: "alanine",
  C: "cysteine",
  D: "aspartate",
  E: "glutamate",
  F: "phenylalanine",
  G: "glycine",
  H: "histidine",
  I: "isoleucine",
  K: "lysine",
  L: "leucine",
  M: "methionine",
  N: "asparagine",
  P: "proline",
  Q: "glutamine",
  R: "arginine",
  S: "serine",
  T: "threonine",
  V: "valine",
  W: "tryptophan",
  Y: "tyrosine",
};

export interface Acts {
  vote(column: number, step: 1 | -1): void;
  choose(player: number): void;
}

interface Row {
  node: HTMLElement;
  name: HTMLElement;
  bars: HTMLElement;
  cells: { node: HTMLElement; bar: HTMLElement; count: HTMLElement }[];
  bits: HTMLElement;
  total: HTMLElement;
}

export class Board {
  readonly node: HTMLElement;
  #keys: HTMLButtonElement[];
  #letters: string;
  #rows: Row[] = [];
  #caption = element("span", { class: "quiz-name plm-muted" });
  #list = element("div");
  #choose: (player: number) => void;
  #signal: AbortSignal;

  constructor(letters: string, acts: Acts, signal: AbortSignal) {
    this.#letters = letters;
    this.#choose = acts.choose;
    this.#signal = signal;
    this.#keys = [...letters].map((letter, column) => {
      const name = NAMES[letter] ?? letter;
      const key = element(
        "button",
        {
          type: "button",
          class: "quiz-key",
          "aria-label": `${letter}, ${name}`,
          title: `${name}: a vote for ${letter}; with Shift, one less`,
          "data-letter": letter,
        },
        letter,
      );
      key.addEventListener("click", (event) => acts.vote(column, event.shiftKey ? -1 : 1), {
        signal,
      });
      return key;
    });
    this.node = element(
      "div",
      {},
      element(
        "div",
        { class: "quiz-line quiz-head" },
        this.#caption,
        element(
          "div",
          { class: "quiz-bars", role: "group", "aria-label": "Amino acids" },
          ...this.#keys,
        ),
        element("span", { class: "quiz-bits plm-muted" }, "bits"),
        element("span", { class: "quiz-total plm-muted" }, "total"),
      ),
      this.#list,
    );
  }

  draw(lines: readonly Line[], player: number, open: boolean, truth: number | null): void {
    while (this.#rows.length < lines.length) this.#add(this.#rows.length, lines);
    for (const [column, key] of this.#keys.entries()) {
      key.disabled = !open;
      key.classList.toggle("is-true", column === truth);
    }
    this.#caption.textContent = truth === null ? "votes" : "p in %";
    const choice = lines.filter(({ kind }) => kind === "player").length > 1;
    for (const [k, line] of lines.entries()) {
      const row = this.#rows[k];
      if (!row) continue;
      const active = choice && line.kind === "player" && k === player;
      row.node.classList.toggle("is-active", active && open);
      row.node.classList.toggle("is-closed", open && line.kind !== "player");
      if (row.name instanceof HTMLButtonElement) row.name.ariaPressed = String(active);
      row.bars.ariaLabel = line.words;
      row.bits.textContent = line.bits;
      row.bits.classList.toggle("is-loss", line.bits.startsWith("−"));
      row.total.textContent = line.total;
      for (const [column, cell] of row.cells.entries()) {
        cell.bar.style.height = `${100 * (line.heights[column] ?? 0)}%`;
        cell.count.textContent = line.counts[column] ?? "";
        cell.node.classList.toggle("is-true", column === truth);
      }
    }
  }

  #add(k: number, lines: readonly Line[]): void {
    const { name, kind } = lines[k] as Line;
    const several = lines.filter((line) => line.kind === "player").length > 1;
    const title = `The votes of ${name}`;
    const head =
      several && kind === "player"
        ? element("button", { type: "button", class: "quiz-name plm-quiet", title }, name)
        : element("span", { class: "quiz-name", title: name }, name);
    if (head instanceof HTMLButtonElement) {
      head.addEventListener("click", () => this.#choose(k), { signal: this.#signal });
    }
    const cells = [...this.#letters].map((letter) => {
      const bar = element("div", { class: "quiz-bar" });
      const count = element("span", { class: "quiz-count" });
      const node = element(
        "div",
        { class: "quiz-cell" },
        count,
        element("div", { class: "quiz-room" }, bar),
        element("span", { class: "quiz-letter" }, letter),
      );
      return { node, bar, count };
    });
    const bars = element(
      "div",
      { class: "quiz-bars", role: "img" },
      ...cells.map(({ node }) => node),
    );
    const bits = element("span", { class: "quiz-bits" });
    const total = element("span", { class: "quiz-total" });
    const node = element("div", { class: `quiz-line quiz-${kind}` }, head, bars, bits, total);
    this.#rows.push({ node, name: head, bars, cells, bits, total });
    this.#list.append(node);
  }
}
