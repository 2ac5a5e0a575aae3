/** The whole protein at a glance: a column of 20 probabilities for each residue. */
import { CellImage, type CellScale } from "../../core/cell_image";
import { chemistryClass, inkOn } from "../../core/colour";
import { element, prepareCanvas } from "../../core/elements";
import type { ProteinInfo } from "../../core/model";
import { placeIn } from "../../core/place";
import { frameWithRim } from "../../core/rim";
import type { SelectionState } from "../../core/selection";
import type { Theme } from "../../core/theme";
import { residueTicks } from "../../core/ticks";
import { drawStack, letterAt } from "./logo";
import type { Prediction } from "./prediction";
import {
  type Cell,
  cellAt,
  columnWidth,
  HEAD,
  HEIGHT,
  LOGO,
  ROW,
  scrollTo,
  visible,
} from "./profile_layout";

/** Colours grow with the square root of p: small probabilities matter and stay visible. */
export const shade = (p: number): number => Math.sqrt(p);

/** The scale of probabilities, or of differences between -limit and limit. */
interface Shades extends CellScale {
  of(value: number): number;
}

function shadesOf(limit: number | null): Shades {
  if (limit === null) return { kind: "sequential", low: 0, high: 1, of: shade };
  return { kind: "diverging", low: -limit, high: limit, of: (value) => value };
}

export type ProfileStyle = "heat" | "logo";

export interface ProfileContent {
  style: ProfileStyle;
  prediction: Prediction | null;
  /** Of a difference of two models: its size at the ends of the scale. Null for probabilities. */
  limit: number | null;
  state: SelectionState;
  hover: readonly number[];
  order: readonly number[];
  letters: string;
  theme: Theme;
}

export class Profile {
  readonly root: HTMLElement;
  readonly scroller = element("div", {
    class: "dist-scroll",
    tabindex: 0,
    role: "slider",
    "aria-label": "Focus in the profile of the whole protein",
    "aria-valuemin": 1,
  });
  #letters = element("div", { class: "dist-rows", "aria-hidden": "true" });
  /** The axis of a logo, in bits. */
  #bits = element(
    "div",
    { class: "dist-bits plm-muted", "aria-hidden": "true" },
    ...["4.3", "bits", "0"].map((text) => element("span", {}, text)),
  );
  #canvas = element("canvas", { class: "dist-canvas", "aria-hidden": "true" });
  #spacer = element("div", {}, this.#canvas);
  #protein: ProteinInfo;
  /** One pixel a cell, drawn again only when the numbers or their order change. */
  #image = new CellImage();
  #content: ProfileContent | null = null;
  #width = 0;
  #room = 0;
  /** As the scroller said last: to ask it while drawing would cost a layout. */
  #scroll = 0;
  #focus: number | null = null;

  constructor(protein: ProteinInfo, signal: AbortSignal) {
    this.#protein = protein;
    this.scroller.append(this.#spacer);
    this.scroller.ariaValueMax = String(protein.sequence.length);
    this.root = element("div", { class: "dist-profile" }, this.#letters, this.#bits, this.scroller);
    this.scroller.addEventListener(
      "scroll",
      () => {
        this.#scroll = this.scroller.scrollLeft;
        this.#paint();
      },
      { signal, passive: true },
    );
  }

  /** Room for the columns. Asked before anything is drawn: later it would cost a layout. */
  measure(): number {
    return this.scroller.clientWidth;
  }

  draw(content: ProfileContent, room: number): void {
    this.#content = content;
    this.#room = room;
    const { state, order, letters, style } = content;
    this.#letters.hidden = style === "logo";
    this.#bits.hidden = style === "heat";
    const shown = order.map((a) => letters[a] ?? "").join("");
    if (this.#letters.textContent !== shown) {
      this.#letters.replaceChildren(
        ...[...shown].map((letter) => element("span", { class: chemistryClass(letter) }, letter)),
      );
    }
    const length = this.#protein.sequence.length;
    this.#width = columnWidth(room, length);
    this.#spacer.style.width = `${Math.floor(this.#width * length)}px`;
    if (state.focus !== this.#focus) {
      this.#focus = state.focus;
      if (state.focus !== null) {
        const scroll = scrollTo(state.focus, this.#scroll, room, this.#width);
        if (scroll !== this.#scroll) {
          this.scroller.scrollLeft = scroll;
          this.#scroll = this.scroller.scrollLeft;
        }
      }
    }
    const label = state.focus === null ? "none" : (this.#protein.labels[state.focus] ?? "");
    this.scroller.ariaValueNow = String((state.focus ?? 0) + 1);
    this.scroller.ariaValueText = label;
    this.#drawImage();
    this.#paint();
  }

  hover(hover: readonly number[]): void {
    if (!this.#content || this.#content.hover === hover) return;
    this.#content = { ...this.#content, hover };
    this.#paint();
  }

  at(clientX: number, clientY: number): Cell | null {
    const { x, y } = placeIn(this.#canvas, clientX, clientY);
    const cell = cellAt(x, y, this.#scroll, this.#width, this.#protein.sequence.length);
    if (!cell || !this.#content || this.#content.style === "heat") return cell;
    const { prediction, order } = this.#content;
    const share = 1 - (y - HEAD) / LOGO;
    const a = prediction ? letterAt(prediction.at(cell.position), share) : null;
    return { ...cell, row: a === null ? -1 : order.indexOf(a) };
  }

  #drawImage(): void {
    if (!this.#content) return;
    const { prediction, order, limit } = this.#content;
    if (!prediction) return;
    const { of, ...scale } = shadesOf(limit);
    this.#image.paint(
      [prediction, order],
      this.#protein.sequence.length,
      20,
      scale,
      (position, row) => of(prediction.at(position)[order[row] ?? 0] ?? Number.NaN),
    );
  }

  #paint(): void {
    if (!this.#content || this.#width === 0) return;
    const { prediction, state, hover, theme } = this.#content;
    const length = this.#protein.sequence.length;
    const scroll = this.#scroll;
    const view = Math.min(this.#room, Math.floor(this.#width * length));
    const context = prepareCanvas(this.#canvas, view, HEIGHT);
    const [first, last] = visible(scroll, view, this.#width, length);
    const x = (position: number): number => this.#width * position - scroll;
    const bottom = HEAD + 20 * ROW;

    if (!prediction) paintEmpty(context, view, theme);
    else if (this.#content.style === "logo") this.#paintLogo(context, first, last, x);
    else {
      context.imageSmoothingEnabled = false;
      const width = this.#width * (last - first);
      context.drawImage(
        this.#image.canvas,
        first,
        0,
        last - first,
        20,
        x(first),
        HEAD,
        width,
        20 * ROW,
      );
      this.#paintOwnLetters(context, first, last, x);
    }

    const column = (position: number) =>
      [x(position) - 0.5, HEAD - 0.5, this.#width + 1, 20 * ROW + 1] as const;
    // The scale has dark and light ends: a white rim keeps a frame visible on both.
    const rimmed = (position: number, colour: string): void =>
      frameWithRim(context, column(position), colour, 2, "#ffffff");
    context.fillStyle = theme.mask;
    for (const position of state.masked) {
      if (position < first || position >= last) continue;
      context.fillRect(x(position), 1, this.#width, 4);
      context.strokeStyle = theme.mask;
      context.lineWidth = 1;
      context.strokeRect(...column(position));
    }
    context.fillStyle = theme.accent;
    for (const [position] of state.substitutions) {
      context.fillRect(x(position), bottom + 1, this.#width, 4);
    }
    if (state.focus !== null) rimmed(state.focus, theme.accent);
    for (const position of hover) rimmed(position, theme.dark ? theme.background : theme.text);

    context.fillStyle = theme.muted;
    context.font = `10px ${theme.font}`;
    context.textAlign = "center";
    for (const { position, text } of residueTicks(
      this.#protein.labels,
      first,
      last - 1,
      this.#width,
    )) {
      const middle = x(position) + this.#width / 2;
      if (middle < 8 || middle > view - 8) continue;
      context.fillRect(Math.round(middle), bottom + 5, 1, 4);
      context.fillText(text, middle, bottom + 19);
    }
  }

  /** A stack of letters a residue, over the letter that it has. */
  #paintLogo(
    context: CanvasRenderingContext2D,
    first: number,
    last: number,
    x: (position: number) => number,
  ): void {
    if (!this.#content?.prediction) return;
    const { prediction, letters, theme } = this.#content;
    const width = this.#width;
    context.strokeStyle = theme.line;
    for (const share of [0, 0.5, 1]) {
      const y = Math.round(HEAD + LOGO * share) - 0.5;
      context.strokeRect(x(first), y, width * (last - first), 0);
    }
    for (let i = first; i < last; i += 1) {
      const place = { x: x(i), width, top: HEAD, height: LOGO };
      drawStack(context, prediction.at(i), letters, place, theme);
    }
    context.fillStyle = theme.text;
    context.font = `600 ${Math.min(10, width + 1)}px ${theme.font}`;
    context.textAlign = "center";
    for (let i = first; i < last; i += 1) {
      const own = this.#protein.sequence[i] ?? "";
      context.fillText(own, x(i) + width / 2, HEAD + 20 * ROW - 3);
    }
  }

  /** A dot on the letter that each residue has. */
  #paintOwnLetters(
    context: CanvasRenderingContext2D,
    first: number,
    last: number,
    x: (position: number) => number,
  ): void {
    if (!this.#content?.prediction) return;
    const { prediction, order, letters, limit } = this.#content;
    const { kind, low, high, of } = shadesOf(limit);
    const radius = Math.max(1.4, Math.min(this.#width, ROW) * 0.22);
    for (let i = first; i < last; i += 1) {
      const a = letters.indexOf(this.#protein.sequence[i] ?? "");
      const value = prediction.known(i)?.[a];
      if (value === undefined) continue;
      const row = order.indexOf(a);
      context.fillStyle = inkOn(kind, of(value), low, high);
      context.beginPath();
      context.arc(x(i) + this.#width / 2, HEAD + ROW * (row + 0.5), radius, 0, 2 * Math.PI);
      context.fill();
    }
  }
}

function paintEmpty(context: CanvasRenderingContext2D, width: number, theme: Theme): void {
  context.strokeStyle = theme.line;
  context.strokeRect(0.5, HEAD + 0.5, width - 1, 20 * ROW - 1);
  context.fillStyle = theme.muted;
  context.font = `13px ${theme.font}`;
  context.textAlign = "center";
  context.fillText("No prediction", width / 2, HEAD + 10 * ROW);
}
