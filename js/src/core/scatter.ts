/** Points on a canvas with axes, to point at, click, walk through by keyboard and drag a box over. */
import { element, prepareCanvas } from "./elements";
import { formatTick } from "./format";
import { coalesce } from "./frames";
import { placeIn } from "./place";
import type { Frame, Points } from "./points";
import { readTheme, type Theme } from "./theme";
import { ticksWithin } from "./ticks";
import { Tooltip } from "./tooltip";

const HEIGHT = 340;
const MARGIN = { left: 56, right: 12, top: 8, bottom: 40 };
/** Pixels that the pointer moves before a click is a box. */
const DRAG = 5;

/** What the plot asks of its view. */
interface Owner {
  root: HTMLElement;
  signal: AbortSignal;
  /** What a tooltip and a screen reader say of a point. */
  describe(point: number): string;
  /** The pointer or the keyboard is on a point, or on none. */
  point(point: number | null): void;
  /** A point was clicked, or Enter or the space bar was pressed on it. */
  act(point: number, event: MouseEvent | KeyboardEvent): void;
  /** A box was dragged over these points; without it, there are no boxes. */
  brush?(points: number[], event: PointerEvent): void;
  /** Draw the points and what marks them. */
  paint(context: CanvasRenderingContext2D, frame: Frame, theme: Theme): void;
}

export class Scatter {
  readonly canvas = element("canvas", { class: "scatter-canvas", role: "img", tabindex: 0 });
  readonly node: HTMLElement;
  /** Draws again with the next frame. */
  readonly paintSoon: () => void;
  #owner: Owner;
  #tooltip: Tooltip;
  #points: Points | null = null;
  #labels: readonly [string, string] = ["", ""];
  #frame: Frame = { left: 0, top: 0, width: 1, height: 1 };
  #width = 0;
  #pointed: number | null = null;
  /** Where a drag began and is now. */
  #drag: { from: readonly [number, number]; to: readonly [number, number] } | null = null;
  /** Whether the click that ends a gesture ends a box. */
  #dragged = false;
  #announcer = element("div", { class: "plm-announcer", "aria-live": "polite" });

  constructor(owner: Owner, label: string, keys: string) {
    this.#owner = owner;
    this.canvas.ariaLabel = label;
    this.canvas.setAttribute("aria-description", keys);
    this.node = element("div", {}, this.canvas, this.#announcer);
    this.#tooltip = new Tooltip(owner.root);
    this.paintSoon = coalesce(owner.signal, () => this.#paint());
    this.#listen(owner.signal);
  }

  /** The point under the pointer or the keyboard. */
  get pointed(): number | null {
    return this.#pointed;
  }

  /** Take other points; nothing is pointed at then. */
  show(points: Points | null): void {
    this.#points = points;
    this.#pointed = null;
    this.#drag = null;
    this.#tooltip.hide();
    this.node.hidden = points === null;
  }

  draw(width: number, labels: readonly [string, string]): void {
    this.#width = width;
    this.#labels = labels;
    this.#paint();
  }

  #paint(): void {
    const points = this.#points;
    if (!points || this.#width === 0) return;
    const theme = readTheme(this.#owner.root);
    const width = Math.max(220, Math.min(this.#width, 560));
    this.#frame = {
      left: MARGIN.left,
      top: MARGIN.top,
      width: width - MARGIN.left - MARGIN.right,
      height: HEIGHT - MARGIN.top - MARGIN.bottom,
    };
    const context = prepareCanvas(this.canvas, width, HEIGHT);
    drawAxes(context, points, this.#frame, this.#labels, theme);
    this.#owner.paint(context, this.#frame, theme);
    if (this.#pointed !== null) {
      ring(context, points.place(this.#pointed, this.#frame), theme.text, 6);
    }
    const box = this.#box();
    if (box) {
      context.fillStyle = context.strokeStyle = theme.accent;
      context.lineWidth = 1;
      context.strokeRect(box.left, box.top, box.width, box.height);
      context.globalAlpha = 0.15;
      context.fillRect(box.left, box.top, box.width, box.height);
      context.globalAlpha = 1;
    }
    this.canvas.dataset.pointed = String(this.#pointed ?? "");
  }

  #listen(signal: AbortSignal): void {
    const canvas = this.canvas;
    const at = (event: MouseEvent): readonly [number, number] => {
      const { x, y } = placeIn(canvas, event.clientX, event.clientY);
      return [x, y];
    };
    const pointAt = (event: MouseEvent): number | null =>
      this.#points?.nearest(...at(event), this.#frame) ?? null;
    canvas.addEventListener(
      "pointerdown",
      (event) => {
        if (!this.#owner.brush || event.button !== 0) return;
        this.#drag = { from: at(event), to: at(event) };
        this.#dragged = false;
        canvas.setPointerCapture(event.pointerId);
      },
      { signal },
    );
    canvas.addEventListener(
      "pointermove",
      (event) => {
        if (this.#drag) this.#drag.to = at(event);
        if (this.#box()) {
          this.#dragged = true;
          this.#point(null);
          this.paintSoon();
          return;
        }
        const point = pointAt(event);
        this.#point(point);
        if (point !== null) {
          this.#tooltip.show(this.#owner.describe(point), event.clientX, event.clientY);
        }
      },
      { signal },
    );
    canvas.addEventListener(
      "pointerup",
      (event) => {
        const box = this.#box();
        this.#drag = null;
        if (box) this.#owner.brush?.(this.#points?.within(box, this.#frame) ?? [], event);
        this.paintSoon();
      },
      { signal },
    );
    canvas.addEventListener("pointercancel", () => this.#abandon(), { signal });
    canvas.addEventListener("pointerleave", () => this.#point(null), { signal });
    canvas.addEventListener("blur", () => this.#point(null), { signal });
    canvas.addEventListener(
      "click",
      (event) => {
        const point = pointAt(event);
        if (point !== null && !this.#dragged) this.#owner.act(point, event);
      },
      { signal },
    );
    canvas.addEventListener("keydown", (event) => this.#key(event), { signal });
  }

  #key(event: KeyboardEvent): void {
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -10, ArrowUp: 10 }[event.key];
    const enters = event.key === "Enter" || event.key === " ";
    const points = this.#points;
    if (!points || event.altKey || event.metaKey || event.ctrlKey) return;
    if (event.key === "Escape") this.#drag ? this.#abandon() : this.#point(null);
    else if (enters && this.#pointed !== null) this.#owner.act(this.#pointed, event);
    else if (by !== undefined) {
      const point = points.step(this.#pointed, by);
      this.#point(point);
      const text = this.#owner.describe(point);
      this.#tooltip.showIn(this.canvas, text, ...points.place(point, this.#frame));
      this.#announcer.textContent = text;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #abandon(): void {
    this.#drag = null;
    this.paintSoon();
  }

  /** The box that is being dragged; null while it could be a click. */
  #box(): Frame | null {
    if (!this.#drag) return null;
    const { from, to } = this.#drag;
    const [width, height] = [Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1])];
    if (Math.max(width, height) < DRAG) return null;
    return { left: Math.min(from[0], to[0]), top: Math.min(from[1], to[1]), width, height };
  }

  #point(point: number | null): void {
    if (point === null) this.#tooltip.hide();
    if (point === this.#pointed) return;
    this.#pointed = point;
    this.#owner.point(point);
    this.paintSoon();
  }
}

/** Mark a point. */
export function ring(
  context: CanvasRenderingContext2D,
  [x, y]: readonly [number, number],
  colour: string,
  radius: number,
): void {
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.stroke();
}

function drawAxes(
  context: CanvasRenderingContext2D,
  points: Points,
  frame: Frame,
  [xLabel, yLabel]: readonly [string, string],
  theme: Theme,
): void {
  const { left, top, width, height } = frame;
  const bottom = top + height;
  context.strokeStyle = theme.line;
  context.lineWidth = 1;
  context.strokeRect(left - 0.5, top - 0.5, width + 1, height + 1);
  context.fillStyle = theme.muted;
  context.font = `11px ${theme.font}`;
  context.textAlign = "center";
  const [x0, x1] = points.xRange;
  for (const value of ticksWithin(points.xRange, Math.max(2, width / 80))) {
    const x = left + (width * (value - x0)) / (x1 - x0);
    context.fillRect(x - 0.5, bottom, 1, 4);
    context.fillText(formatTick(value), x, bottom + 15);
  }
  const [y0, y1] = points.yRange;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of ticksWithin(points.yRange, 6)) {
    const y = top + (height * (y1 - value)) / (y1 - y0);
    context.fillRect(left - 4, y - 0.5, 4, 1);
    context.fillText(formatTick(value), left - 7, y);
  }
  context.fillStyle = theme.text;
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  context.fillText(xLabel, left + width / 2, bottom + 33, width);
  context.save();
  context.translate(12, top + height / 2);
  context.rotate(-Math.PI / 2);
  context.fillText(yLabel, 0, 0, height);
  context.restore();
}
