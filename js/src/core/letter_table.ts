/** A 20 x 20 table of amino acids on a canvas, a row a letter at i, a column one at j. */
import { chemistryInk } from "./colour";
import { element, prepareCanvas } from "./elements";
import { formatLimit } from "./format";
import { arrowStep } from "./map_gestures";
import { placeIn } from "./place";
import { frameWithRim } from "./rim";
import type { Theme } from "./theme";
import { Tooltip } from "./tooltip";

const CELL = 16;
const HEAD = 34;
const SIZE = 20;
const MARGIN = 44;

interface Cell {
  row: number;
  column: number;
}

export interface Picture {
  labels: readonly [string, string];
  wildTypes: readonly [string | undefined, string | undefined];
  /** Of the letters in columns a and b of the alphabet. */
  colour(a: number, b: number): string;
  /** Bars of the letters at i, and of those at j. */
  margins?: readonly [ArrayLike<number>, ArrayLike<number>];
  theme: Theme;
}

/** What the table asks of its view. */
interface Owner {
  /** Where tooltips go. */
  root: HTMLElement;
  signal: AbortSignal;
  /** The alphabet, and its letters in the order of display. */
  letters: string;
  shown: string;
  /** What a tooltip says of the letters in columns a and b of the alphabet. */
  describe(a: number, b: number): string;
  /** Draws the table again. */
  redraw(): void;
}

class LetterTable {
  readonly canvas = element("canvas", { class: "plm-letter-table", role: "img", tabindex: 0 });
  #owner: Owner;
  #order: readonly number[];
  #tooltip: Tooltip;
  #pointed: Cell | null = null;

  constructor(owner: Owner) {
    this.#owner = owner;
    this.#order = [...owner.shown].map((letter) => owner.letters.indexOf(letter));
    this.#tooltip = new Tooltip(owner.root);
    this.#listen(owner.signal);
  }

  /** Point at nothing. */
  forget(): void {
    this.#pointed = null;
    this.#tooltip.hide();
  }

  draw(picture: Picture): void {
    const { margins, theme } = picture;
    const side = HEAD + SIZE * CELL + (margins ? MARGIN : 4);
    const context = prepareCanvas(this.canvas, side, side);
    const letters = this.#owner.shown;
    context.clearRect(0, 0, side, side);
    for (let row = 0; row < SIZE; row += 1) {
      for (let column = 0; column < SIZE; column += 1) {
        context.fillStyle = picture.colour(this.#order[row] ?? 0, this.#order[column] ?? 0);
        context.fillRect(at(column), at(row), CELL - 0.5, CELL - 0.5);
      }
    }
    if (margins) this.#drawMargins(context, margins, theme);
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.font = `600 11px ${theme.font}`;
    for (const [k, letter] of [...letters].entries()) {
      context.fillStyle = chemistryInk(letter, theme.dark);
      context.fillText(letter, HEAD - 9, at(k) + CELL / 2);
      context.fillText(letter, at(k) + CELL / 2, HEAD - 9);
    }
    context.fillStyle = theme.text;
    context.font = `600 12px ${theme.font}`;
    context.fillText(picture.labels[1], at(SIZE / 2), 9);
    context.save();
    context.translate(8, at(SIZE / 2));
    context.rotate(-Math.PI / 2);
    context.fillText(picture.labels[0], 0, 0);
    context.restore();
    const [own, other] = picture.wildTypes.map((letter) => (letter ? letters.indexOf(letter) : -1));
    if (own !== undefined && other !== undefined && own >= 0 && other >= 0) {
      frame(context, { row: own, column: other }, theme.accent, 2.5, theme);
    }
    if (this.#pointed) frame(context, this.#pointed, theme.text, 1.5, theme);
  }

  #drawMargins(
    context: CanvasRenderingContext2D,
    margins: readonly [ArrayLike<number>, ArrayLike<number>],
    theme: Theme,
  ): void {
    const largest = Math.max(...margins.flatMap((margin) => Array.from(margin)));
    const room = (MARGIN - 8) / largest;
    const start = HEAD + SIZE * CELL + 4;
    context.fillStyle = theme.muted;
    for (let k = 0; k < SIZE; k += 1) {
      const [atI = 0, atJ = 0] = margins.map((margin) => margin[this.#order[k] ?? 0] ?? 0);
      const place = HEAD + CELL * k + 2;
      context.fillRect(start, place, Math.max(0.5, room * atI), CELL - 4.5);
      context.fillRect(place, start, CELL - 4.5, Math.max(0.5, room * atJ));
    }
  }

  #listen(signal: AbortSignal): void {
    const leave = (): void => {
      this.forget();
      this.#owner.redraw();
    };
    this.canvas.addEventListener(
      "pointermove",
      (event) => {
        const { x, y } = placeIn(this.canvas, event.clientX, event.clientY);
        const cell = cellAt(x, y);
        if (!cell) return leave();
        this.#pointed = cell;
        this.#owner.redraw();
        this.#tooltip.show(this.#describe(cell), event.clientX, event.clientY);
      },
      { signal },
    );
    this.canvas.addEventListener("pointerleave", leave, { signal });
    this.canvas.addEventListener("blur", leave, { signal });
    this.canvas.addEventListener("keydown", (event) => this.#step(event), { signal });
  }

  /** The arrow keys walk over the table. */
  #step(event: KeyboardEvent): void {
    const step = arrowStep(event);
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const within = (k: number): number => Math.max(0, Math.min(SIZE - 1, k));
    const { row, column } = this.#pointed ?? { row: -step[0], column: -step[1] };
    this.#pointed = { row: within(row + step[0]), column: within(column + step[1]) };
    this.#owner.redraw();
    const [x, y] = [at(this.#pointed.column), at(this.#pointed.row)];
    this.#tooltip.showIn(this.canvas, this.#describe(this.#pointed), x, y);
  }

  #describe({ row, column }: Cell): string {
    return this.#owner.describe(this.#order[row] ?? 0, this.#order[column] ?? 0);
  }
}

/** A letter table with its colour scale, and beside it facts and a list. */
export class LetterPanel {
  readonly node: HTMLElement;
  readonly table: LetterTable;
  #facts = element("dl", { class: "letters-facts" });
  #list = element("table", { class: "letters-list" });
  #ramp = element("span", { class: "plm-ramp" });
  #low = element("span");
  #high = element("span");

  constructor(owner: Owner) {
    this.table = new LetterTable(owner);
    const scale = element(
      "div",
      { class: "plm-legend letters-scale plm-muted" },
      element("span", { class: "plm-item" }, this.#low, this.#ramp, this.#high),
    );
    this.node = element(
      "div",
      { class: "letters-body" },
      element("div", { class: "letters-map" }, this.table.canvas, scale),
      element("div", { class: "letters-side" }, this.#facts, this.#list),
    );
  }

  /** Say what the colours mean: their gradient, and the values at its ends with their unit. */
  showScale(gradient: string, limits: readonly [number, number], unit: string): void {
    this.#ramp.style.background = gradient;
    this.#low.textContent = formatLimit(limits[0]);
    this.#high.textContent = `${formatLimit(limits[1])}${unit}`;
  }

  showFacts(...facts: readonly HTMLElement[][]): void {
    this.#facts.replaceChildren(...facts.flat());
  }

  showList(caption: string, head: readonly string[], rows: readonly (readonly string[])[]): void {
    const heads = head.map((text) => element("th", { scope: "col" }, text));
    const body = rows.map((row) =>
      element("tr", {}, ...row.map((text) => element("td", {}, text))),
    );
    this.#list.replaceChildren(
      element("caption", {}, caption),
      element("thead", {}, element("tr", {}, ...heads)),
      element("tbody", {}, ...body),
    );
  }
}

/** A term and its value, for the facts. */
export function fact(name: string, value: string, title: string): HTMLElement[] {
  return [element("dt", { title, class: "plm-muted" }, name), element("dd", {}, value)];
}

/** Where a row or column begins on the canvas. */
function at(k: number): number {
  return HEAD + CELL * k;
}

/** Row and column at a point of the canvas; null outside of the table. */
function cellAt(x: number, y: number): Cell | null {
  const [row, column] = [Math.floor((y - HEAD) / CELL), Math.floor((x - HEAD) / CELL)];
  return row >= 0 && row < SIZE && column >= 0 && column < SIZE ? { row, column } : null;
}

function frame(
  context: CanvasRenderingContext2D,
  { row, column }: Cell,
  colour: string,
  thickness: number,
  theme: Theme,
): void {
  const box = [at(column) - 0.5, at(row) - 0.5, CELL + 0.5, CELL + 0.5] as const;
  frameWithRim(context, box, colour, thickness, theme.background);
}
