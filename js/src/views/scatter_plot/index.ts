/** Measured effects of variants against scores: a point a variant. */
import { type Cell, CellLink } from "../../core/cells";
import { element } from "../../core/elements";
import { formatValue } from "../../core/format";
import type { Frame } from "../../core/points";
import { ring, Scatter } from "../../core/scatter";
import css from "../../core/scatter.css";
import { LETTERS, toggled } from "../../core/substitutions";
import type { Theme } from "../../core/theme";
import { defineView, type View, type ViewContext } from "../../core/view";
import { Cloud, type PointsTrait } from "./cloud";

class ScatterPlot implements View {
  #context: ViewContext;
  #host: HTMLElement;
  #cells: CellLink;
  #scatter: Scatter;
  #trait: unknown = null;
  #cloud: Cloud | null = null;
  #caption = element("span", { class: "plm-muted" });
  #empty = element("div", { class: "plm-muted" }, "No variant has a score yet.");

  constructor(context: ViewContext) {
    this.#context = context;
    const { root, signal, model, protein } = context;
    this.#host = context.host;
    this.#scatter = new Scatter(
      {
        root,
        signal,
        describe: (point) => this.#describe(point),
        point: (point) => this.#point(point),
        act: (point) => this.#substitute(point),
        paint: (canvas, frame, theme) => this.#paint(canvas, frame, theme),
      },
      `Measured and predicted effects of variants of ${protein.name}`,
      "Arrow keys go from point to point, Enter makes the substitutions or takes them back",
    );
    root.append(
      element(
        "div",
        { class: "plm-toolbar" },
        element("span", { class: "plm-title" }, "Experiment and model"),
        this.#caption,
      ),
      this.#empty,
      this.#scatter.node,
    );
    const id = String(model.get("selection_id"));
    this.#cells = new CellLink(id, signal, this.#scatter.paintSoon);
  }

  draw(): void {
    const { model, root } = this.#context;
    const trait = model.get("points") as PointsTrait | null;
    if (trait !== this.#trait || trait === null) {
      this.#trait = trait;
      this.#cloud = trait ? new Cloud(trait, LETTERS) : null;
      this.#scatter.show(this.#cloud);
    }
    this.#caption.textContent = String(model.get("caption"));
    this.#empty.hidden = this.#cloud !== null;
    const labels = [String(model.get("x_label")), String(model.get("y_label"))] as const;
    this.#scatter.draw(root.clientWidth, labels);
    this.#host.dataset.points = String(this.#cloud?.size ?? 0);
  }

  hover(): void {
    this.#scatter.paintSoon();
  }

  #paint(context: CanvasRenderingContext2D, frame: Frame, theme: Theme): void {
    const cloud = this.#cloud;
    if (!cloud) return;
    const { selection } = this.#context;
    const { canvas, pointed } = this.#scatter;
    context.fillStyle = theme.accent;
    context.globalAlpha = cloud.size > 3000 ? 0.25 : 0.55;
    const size = cloud.size > 3000 ? 2 : 4;
    for (let point = 0; point < cloud.size; point += 1) {
      const [x, y] = cloud.place(point, frame);
      context.fillRect(x - size / 2, y - size / 2, size, size);
    }
    context.globalAlpha = 1;
    const { substitutions } = selection.state;
    const made = cloud.having(substitutions, []);
    const meant = pointed === null ? cloud.having(this.#cells.cells, selection.hover) : [];
    for (const point of made) ring(context, cloud.place(point, frame), theme.mask, 5);
    for (const point of meant) ring(context, cloud.place(point, frame), theme.text, 5);
    canvas.dataset.meant = meant.join(",");
    canvas.dataset.made = made.join(",");
  }

  #point(point: number | null): void {
    const cells = point === null ? [] : (this.#cloud?.cells(point) ?? []);
    this.#cells.point(cells);
    // The pointer is on two residues at most.
    this.#context.selection.setHover(cells.slice(0, 2).map(([position]) => position));
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

export default defineView({
  name: "scatter_plot",
  label: "Experiment and model",
  css,
  traits: ["points", "x_label", "y_label", "caption"],
  create: (context) => new ScatterPlot(context),
});
