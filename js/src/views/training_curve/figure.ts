/** Loss over steps: every step faintly, their running mean, and the held-out sequences. */
import { element, svgElement } from "../../core/elements";
import { formatCount, formatValue } from "../../core/format";
import { placeIn } from "../../core/place";
import type { Tooltip } from "../../core/tooltip";
import { nearest, type Point, reachOf, scaleOf, smoothed } from "./points";

const HEIGHT = 220;
const LEFT = 48;
const RIGHT = 14;
const TOP = 22;
const BOTTOM = 36;

export interface Content {
  training: readonly Point[];
  evaluation: readonly Point[];
  /** Steps in all. */
  total: number;
  bestStep: number | null;
  /** What a screen reader says of it. */
  summary: string;
}

export class Figure {
  readonly node: HTMLElement;
  #svg = svgElement("svg", { role: "img", class: "training-svg", height: HEIGHT });
  #content: Content | null = null;

  constructor(signal: AbortSignal, tooltip: Tooltip) {
    this.node = element("div", { class: "training-figure" });
    this.node.append(this.#svg);
    this.node.addEventListener(
      "pointermove",
      (event) => {
        if (!this.#content) return;
        const { x } = placeIn(this.node, event.clientX, event.clientY);
        const step = ((x - LEFT) / Math.max(1, this.#room())) * this.#content.total;
        const words = describe(step, this.#content);
        if (words) tooltip.show(words, event.clientX, event.clientY);
        else tooltip.hide();
      },
      { signal },
    );
    this.node.addEventListener("pointerleave", () => tooltip.hide(), { signal });
  }

  #room(): number {
    return this.node.clientWidth - LEFT - RIGHT;
  }

  draw(content: Content): void {
    this.#content = content;
    const { training, evaluation, total, bestStep } = content;
    const width = this.node.clientWidth;
    const all = [...training, ...evaluation].map(({ loss }) => loss);
    const rows = all.length > 0 ? scaleOf(Math.min(...all), Math.max(...all), 4) : [0, 1];
    const [low = 0, high = 1] = [rows[0], rows[rows.length - 1]];
    const x = (step: number): number => LEFT + (step / Math.max(1, total)) * this.#room();
    const y = (loss: number): number =>
      TOP + ((high - loss) / (high - low)) * (HEIGHT - TOP - BOTTOM);
    const line = (name: string, points: readonly Point[]): SVGElement =>
      svgElement("polyline", {
        class: name,
        points: points.map((p) => `${x(p.step).toFixed(1)},${y(p.loss).toFixed(1)}`).join(" "),
      });
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.#svg.setAttribute("width", String(width));
    this.#svg.setAttribute("aria-label", content.summary);
    const best = evaluation.find(({ step }) => step === bestStep);
    const columns = scaleOf(0, Math.max(1, total), Math.max(2, Math.min(8, width / 80)));
    this.#svg.replaceChildren(
      ...rows.flatMap((loss) => [
        svgElement("line", {
          class: "grid",
          x1: LEFT,
          x2: width - RIGHT,
          y1: y(loss),
          y2: y(loss),
        }),
        text("tick", LEFT - 6, y(loss) + 4, String(loss), "end"),
      ]),
      ...columns
        .filter((step) => step <= total && Number.isInteger(step))
        .map((step) => text("tick", x(step), HEIGHT - BOTTOM + 15, formatCount(step), "middle")),
      text("axis", (LEFT + width - RIGHT) / 2, HEIGHT - 3, "step", "middle"),
      text("axis", 4, TOP - 9, "loss (nats)", "start"),
      line("each-step", training),
      line("running-mean", smoothed(training, reachOf(training.length))),
      line("held-out", evaluation),
      ...evaluation.map((p) =>
        svgElement("circle", { class: "held-out-dot", cx: x(p.step), cy: y(p.loss), r: 2.5 }),
      ),
      ...(best
        ? [svgElement("circle", { class: "best", cx: x(best.step), cy: y(best.loss), r: 6 })]
        : []),
    );
  }
}

function text(name: string, x: number, y: number, words: string, anchor: string): SVGElement {
  const node = svgElement("text", { class: name, x, y, "text-anchor": anchor });
  node.textContent = words;
  return node;
}

function describe(step: number, { training, evaluation, bestStep }: Content): string {
  const lines: string[] = [];
  const own = nearest(training, step);
  if (own) lines.push(`step ${formatCount(own.step)}: loss ${formatValue(own.loss)}`);
  const other = nearest(evaluation, step);
  if (other) {
    const right =
      other.accuracy === undefined ? "" : `, ${(100 * other.accuracy).toFixed(1)} % right`;
    const mark = other.step === bestStep ? ", the lowest" : "";
    lines.push(
      `held out, after ${formatCount(other.step)}: loss ${formatValue(other.loss)}${right}${mark}`,
    );
  }
  return lines.join("\n");
}
