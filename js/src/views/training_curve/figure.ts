/** Loss over steps: every step faintly, their running mean, and the held-out sequences. */
import { Chart, pathOf } from "../../core/chart";
import { svgElement } from "../../core/elements";
import { formatCount, formatValue } from "../../core/format";
import { ticksAround, ticksWithin } from "../../core/ticks";
import type { Tooltip } from "../../core/tooltip";
import { nearest, type Point, reachOf, smoothed } from "./points";

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
  #chart = new Chart("training-figure");
  #content: Content | null = null;

  constructor(signal: AbortSignal, tooltip: Tooltip) {
    this.node = this.#chart.node;
    this.node.addEventListener(
      "pointermove",
      (event) => {
        if (!this.#content) return;
        const step = this.#chart.shareAt(event) * this.#content.total;
        const words = describe(step, this.#content);
        if (words) tooltip.show(words, event.clientX, event.clientY);
        else tooltip.hide();
      },
      { signal },
    );
    this.node.addEventListener("pointerleave", () => tooltip.hide(), { signal });
  }

  draw(content: Content): void {
    this.#content = content;
    const { training, evaluation, total, bestStep, summary } = content;
    const chart = this.#chart;
    const all = [...training, ...evaluation].map(({ loss }) => loss);
    const losses = all.length > 0 ? ticksAround([Math.min(...all), Math.max(...all)], 4) : [0, 1];
    const [low = 0, high = 1] = [losses[0], losses[losses.length - 1]];
    const x = (step: number): number => chart.x(step / Math.max(1, total));
    const y = (loss: number): number => chart.y((loss - low) / (high - low));
    const line = (name: string, points: readonly Point[]): SVGElement =>
      svgElement("polyline", {
        class: name,
        points: pathOf(points.map((p) => [x(p.step), y(p.loss)])),
      });
    const best = evaluation.find(({ step }) => step === bestStep);
    const about = Math.max(2, Math.min(8, (chart.x(1) - chart.x(0)) / 80));
    const steps = ticksWithin([0, Math.max(1, total)], about).filter(Number.isInteger);
    chart.draw(
      summary,
      { title: "step", ticks: steps, place: x, text: formatCount },
      { title: "loss (nats)", ticks: losses, place: y, text: String },
      [
        line("each-step", training),
        line("running-mean", smoothed(training, reachOf(training.length))),
        line("held-out", evaluation),
        ...evaluation.map((p) =>
          svgElement("circle", { class: "held-out-dot", cx: x(p.step), cy: y(p.loss), r: 2.5 }),
        ),
        ...(best
          ? [svgElement("circle", { class: "best", cx: x(best.step), cy: y(best.loss), r: 6 })]
          : []),
      ],
    );
  }
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
