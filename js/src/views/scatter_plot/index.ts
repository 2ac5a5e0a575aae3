/** Measured effects of variants against scores: a point a variant. */
import { type Cell, CellLink } from "../../core/cells";
import { element, prepareCanvas } from "../../core/elements";
import { formatLimit, formatValue } from "../../core/format";
import { coalesce } from "../../core/frames";
import { magnification, placeIn } from "../../core/place";
import { LETTERS, toggled } from "../../core/substitutions";
import { readTheme, type Theme } from "../../core/theme";
import { Tooltip } from "../../core/tooltip";
import { defineView, type View, type ViewContext } from "../../core/view";
import { axisTicks, Cloud, type Frame, type PointsTrait } from "./cloud";
import css from "./scatter_plot.css";

const HEIGHT = 340;
const MARGIN = { left: 56, right: 12, top: 8, bottom: 40 };

class ScatterPlot implements View {
  #context: ViewContext;
  #host: HTMLElement;
  #cells: CellLink;
  #tooltip: Tooltip;
  #trait: unknown = null;
  #cloud: Cloud | null = null;
  #frame: Frame = { left: 0, top: 0, width: 1, height: 1 };
  #width = 0;
  #pointed: number | null = null;
  #caption = element("span", { class: "plm-muted" });
  #empty = element("div", { class: "plm-muted" }, "No variant has a score yet.");
  #canvas = element("canvas", { class: "scatter-canvas", role: "img", tabindex: 0 });
  #stage = element("div", {}, this.#canvas);
  #announcer = element("div", { class: "scatter-announcer", "aria-live": "polite" });
  #paintSoon: () => void;

  constructor(context: ViewContext) {
    this.#context = context;
    const { root, signal, model, protein } = context;
    this.#host = (root.getRootNode() as ShadowRoot).host as HTMLElement;
    root.append(
      element(
        "div",
        { class: "plm-toolbar" },
        element("span", { class: "plm-title" }, "Experiment and model"),
        this.#caption,
      ),
      this.#empty,
      this.#stage,
      this.#announcer,
    );
    this.#canvas.ariaLabel = `Measured and predicted effects of variants of ${protein.name}`;
    this.#canvas.setAttribute(
      "aria-description",
      "Arrow keys go from point to point, Enter makes the substitutions or takes them back",
    );
    this.#tooltip = new Tooltip(root);
    this.#paintSoon = coalesce(signal, () => this.#paint());
    this.#cells = new CellLink(String(model.get("selection_id")), signal, this.#paintSoon);
    this.#listen(signal);
  }

  draw(): void {
    const { model, root } = this.#context;
    const trait = model.get("points") as PointsTrait | null;
    if (trait !== this.#trait) {
      this.#trait = trait;
      this.#cloud = trait ? new Cloud(trait, LETTERS) : null;
      this.#pointed = null;
      this.#tooltip.hide();
    }
    this.#caption.textContent = String(model.get("caption"));
    this.#empty.hidden = this.#cloud !== null;
    this.#stage.hidden = this.#cloud === null;
    this.#width = root.clientWidth;
    this.#paint();
    this.#host.dataset.points = String(this.#cloud?.size ?? 0);
  }

  hover(): void {
    this.#paintSoon();
  }

  #paint(): void {
    const cloud = this.#cloud;
    if (!cloud || this.#width === 0) return;
    const { root, selection, model } = this.#context;
    const theme = readTheme(root);
    const width = Math.max(220, Math.min(this.#width, 560));
    this.#frame = {
      left: MARGIN.left,
      top: MARGIN.top,
      width: width - MARGIN.left - MARGIN.right,
      height: HEIGHT - MARGIN.top - MARGIN.bottom,
    };
    const context = prepareCanvas(this.#canvas, width, HEIGHT);
    const labels = [String(model.get("x_label")), String(model.get("y_label"))] as const;
    drawAxes(context, cloud, this.#frame, labels, theme);
    context.fillStyle = theme.accent;
    context.globalAlpha = cloud.size > 3000 ? 0.25 : 0.55;
    const size = cloud.size > 3000 ? 2 : 4;
    for (let point = 0; point < cloud.size; point += 1) {
      const [x, y] = cloud.place(point, this.#frame);
      context.fillRect(x - size / 2, y - size / 2, size, size);
    }
    context.globalAlpha = 1;
    const { substitutions } = selection.state;
    const made = cloud.having(substitutions, []);
    const meant = this.#pointed === null ? cloud.having(this.#cells.cells, selection.hover) : [];
    for (const point of made) ring(context, cloud.place(point, this.#frame), theme.mask, 5);
    for (const point of meant) ring(context, cloud.place(point, this.#frame), theme.text, 5);
    if (this.#pointed !== null) {
      ring(context, cloud.place(this.#pointed, this.#frame), theme.text, 6);
    }
    this.#canvas.dataset.pointed = String(this.#pointed ?? "");
    this.#canvas.dataset.meant = meant.join(",");
    this.#canvas.dataset.made = made.join(",");
  }

  #listen(signal: AbortSignal): void {
    const canvas = this.#canvas;
    const at = (event: MouseEvent): number | null => {
      const { x, y } = placeIn(canvas, event.clientX, event.clientY);
      return this.#cloud?.nearest(x, y, this.#frame) ?? null;
    };
    canvas.addEventListener(
      "pointermove",
      (event) => {
        const point = at(event);
        this.#point(point);
        if (point !== null) this.#tooltip.show(this.#describe(point), event.clientX, event.clientY);
      },
      { signal },
    );
    canvas.addEventListener("pointerleave", () => this.#point(null), { signal });
    canvas.addEventListener("blur", () => this.#point(null), { signal });
    canvas.addEventListener(
      "click",
      (event) => {
        const point = at(event);
        if (point !== null) this.#substitute(point);
      },
      { signal },
    );
    canvas.addEventListener("keydown", (event) => this.#key(event), { signal });
  }

  #key(event: KeyboardEvent): void {
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -10, ArrowUp: 10 }[event.key];
    const enters = event.key === "Enter" || event.key === " ";
    const cloud = this.#cloud;
    if (!cloud || event.altKey || event.metaKey || event.ctrlKey) return;
    if (event.key === "Escape") this.#point(null);
    else if (enters && this.#pointed !== null) this.#substitute(this.#pointed);
    else if (by !== undefined) {
      const point = cloud.step(this.#pointed, by);
      this.#point(point);
      const box = this.#canvas.getBoundingClientRect();
      const scale = magnification(this.#canvas);
      const [x, y] = cloud.place(point, this.#frame);
      this.#tooltip.show(this.#describe(point), box.left + scale * x, box.top + scale * y);
      this.#announcer.textContent = this.#describe(point);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #point(point: number | null): void {
    if (point === null) this.#tooltip.hide();
    if (point === this.#pointed) return;
    this.#pointed = point;
    const cells = point === null ? [] : (this.#cloud?.cells(point) ?? []);
    this.#cells.point(cells);
    // The pointer is on two residues at most.
    this.#context.selection.setHover(cells.slice(0, 2).map(([position]) => position));
    this.#paintSoon();
  }

  #substitute(point: number): void {
    const { selection, protein } = this.#context;
    const cells = this.#cloud?.cells(point) ?? [];
    const substitutions = toggled(selection.state.substitutions, cells, protein.sequence);
    selection.change({ substitutions, focus: cells[0]?.[0] ?? null });
  }

  #describe(point: number): string {
    const { protein, model } = this.#context;
    const cloud = this.#cloud;
    if (!cloud) return "";
    const name = ([position, letter]: Cell) => `${protein.labels[position] ?? ""}${letter}`;
    return [
      cloud.cells(point).map(name).join(":"),
      `${model.get("y_label")}: ${formatValue(cloud.y[point] ?? Number.NaN)}`,
      `${model.get("x_label")}: ${formatValue(cloud.x[point] ?? Number.NaN)}`,
    ].join("\n");
  }
}

function ring(
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
  cloud: Cloud,
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
  const [x0, x1] = cloud.xRange;
  for (const value of axisTicks(cloud.xRange, Math.max(2, width / 80))) {
    const x = left + (width * (value - x0)) / (x1 - x0);
    context.fillRect(x - 0.5, bottom, 1, 4);
    context.fillText(formatLimit(value), x, bottom + 15);
  }
  const [y0, y1] = cloud.yRange;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of axisTicks(cloud.yRange, 6)) {
    const y = top + (height * (y1 - value)) / (y1 - y0);
    context.fillRect(left - 4, y - 0.5, 4, 1);
    context.fillText(formatLimit(value), left - 7, y);
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

export default defineView({
  name: "scatter_plot",
  label: "Experiment and model",
  css,
  traits: ["points", "x_label", "y_label", "caption"],
  create: (context) => new ScatterPlot(context),
});
