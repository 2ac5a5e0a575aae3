/** How residues depend on each other: one map above the diagonal, another below. */

import { Choice, named } from "../../core/choice";
import { element } from "../../core/elements";
import { coalesce } from "../../core/frames";
import { save } from "../../core/model";
import { pixelRatio } from "../../core/place";
import { readTheme } from "../../core/theme";
import { Tooltip } from "../../core/tooltip";
import { defineView, type View, type ViewContext } from "../../core/view";
import { cornerOf, drawCrosshair, drawMap, type Picture } from "./drawing";
import { listen, type Point, type Target } from "./gestures";
import { Layers } from "./layers";
import { Raster } from "./maps";
import { drawBrush, MARK_FROM } from "./marks";
import { ModelSlider } from "./model_slider";
import css from "./pair_heatmap.css";
import { describeRegion, type Region, regionBetween } from "./region";
import { Side } from "./sides";
import { Status } from "./status";
import { Traits } from "./traits";
import {
  type Cell,
  cellAt,
  cellNear,
  cellsInSight,
  clamp,
  type Frame,
  isZoomed,
  layOut,
  panBy,
  reveal,
  type Window,
  whole,
  zoomAt,
} from "./window";

class PairHeatmap implements View, Target {
  #context: ViewContext;
  #host: HTMLElement;
  #length: number;
  #layers = new Layers();
  #canvas = this.#layers.canvas;
  #reset = element("button", { type: "button", class: "map-reset", hidden: true }, "Reset zoom");
  #emptyTitle = element("div", { class: "plm-title" });
  #emptyReason = element("div", { class: "plm-muted" });
  #empty = element(
    "div",
    { class: "map-empty", hidden: true },
    this.#emptyTitle,
    this.#emptyReason,
  );
  #stage = element("div", { class: "map-stage" }, this.#canvas, this.#empty, this.#reset);
  #announcer = element("div", { class: "plm-announcer", "aria-live": "polite" });
  #status = new Status();
  #tooltip: Tooltip;
  #sides: Record<"upper" | "lower", Side>;
  #normalisation: Choice;
  /** Of several scans: whose map is above the diagonal, and whose below. */
  #slider: ModelSlider;
  #lowerModel: Choice;
  #below: HTMLElement;
  #traits: Traits;
  #raster = new Raster();
  #window: Window | null = null;
  #picture: Picture | null = null;
  /** Where the pointer is, in CSS pixels of the canvas. */
  #pointer: Point | null = null;
  /** The region that is being drawn. */
  #brushed: Region | null = null;
  /** The cell that the arrow keys move. */
  #cursor: Cell | null = null;
  #redraw: () => void;

  constructor(context: ViewContext) {
    this.#context = context;
    const { root, signal, protein, model } = context;
    this.#length = protein.sequence.length;
    this.#traits = new Traits(model, protein);
    this.#host = context.host;
    this.#sides = {
      upper: new Side("upper", signal, {
        // Limits set by hand belong to the map that they were set for.
        choose: (upper) => save(model, { upper, colour_limits: null }),
        limit: (colour_limits) => save(model, { colour_limits }),
      }),
      lower: new Side("lower", signal, { choose: (lower) => save(model, { lower }) }),
    };
    this.#normalisation = new Choice("Normalisation", "normalisation", signal, (normalisation) =>
      save(model, { normalisation, colour_limits: null }),
    );
    this.#slider = new ModelSlider(signal, (upper_model) => save(model, { upper_model }));
    this.#lowerModel = new Choice(
      "Model below the diagonal",
      "lower-model",
      signal,
      (lower_model) => save(model, { lower_model }),
    );
    this.#sides.upper.node.append(this.#slider.node);
    this.#below = element(
      "label",
      { class: "plm-group map-models" },
      "Model",
      this.#lowerModel.node,
    );
    this.#sides.lower.node.append(this.#below);
    this.#canvas.setAttribute("aria-label", `Map of residue pairs of ${protein.name}`);
    root.append(
      element(
        "div",
        { class: "map-controls" },
        element(
          "div",
          { class: "plm-toolbar" },
          element("span", { class: "plm-title" }, "Pair map"),
          element("span", { class: "plm-spring" }),
          this.#normalisation.node,
        ),
        element("div", { class: "map-sides" }, this.#sides.upper.node, this.#sides.lower.node),
      ),
      this.#stage,
      this.#status.node,
      this.#announcer,
    );
    this.#tooltip = new Tooltip(root);
    this.#redraw = coalesce(signal, () => {
      this.#drawMap();
      this.hover();
    });
    this.#reset.addEventListener("click", () => this.reset(), { signal });
    this.#canvas.addEventListener("blur", () => this.escape(), { signal });
    listen(this.#canvas, signal, this);
  }

  draw(): void {
    const { selection, root } = this.#context;
    const traits = this.#traits;
    const { maps } = traits;
    const dark = root.dataset.theme === "dark";
    for (const half of ["upper", "lower"] as const) {
      this.#sides[half].draw(
        traits.options,
        traits.name(half),
        traits.caption(half),
        traits.scale(half, dark),
      );
      // The map that is drawn: a new choice waits for the kernel.
      this.#host.dataset[half] = traits.map(half)?.name ?? traits.name(half);
    }
    this.#normalisation.draw(traits.normalisations, traits.normalisation);
    this.#drawModels();
    this.#drawForScan(traits.models.length > 0);
    this.#status.draw({
      missing: traits.gaps,
      directed: maps.some(({ directed, scanned }) => directed && scanned),
      progress: traits.progress,
      floor: traits.floor,
      estimated: traits.estimates !== null,
      normalised: maps.some(({ normalised }) => normalised),
      scanning: traits.scanning,
    });
    this.#empty.hidden = (traits.map("upper")?.known ?? 0) > 0;
    this.#host.dataset.known = String(traits.map("upper")?.known ?? 0);
    this.#host.dataset.pair = selection.state.pair?.join(",") ?? "";
    this.#drawMap();
  }

  /** Maps of no scan are whole as they are: nothing fills, and nothing can be computed first. */
  #drawForScan(scan: boolean): void {
    this.#normalisation.node.hidden = !scan;
    this.#status.node.classList.toggle("map-still", !scan);
    this.#canvas.setAttribute(
      "aria-description",
      "Arrow keys move, Enter masks both residues, plus and minus zoom, 0 shows all" +
        (scan ? ", p computes the pairs in sight first" : ""),
    );
    this.#emptyTitle.textContent = scan ? "No pairs yet" : "No values";
    this.#emptyReason.textContent = scan
      ? "The map fills while a pair scan runs."
      : "This map knows nothing of any pair.";
  }

  #drawModels(): void {
    const traits = this.#traits;
    const { models } = traits;
    this.#slider.draw(models, traits.model("upper"));
    this.#lowerModel.draw(named(models), traits.model("lower"));
    // What the structure says is of no model.
    this.#below.hidden = models.length < 2 || traits.map("lower")?.scanned !== true;
  }

  /** The ground, and over it the cell that this view or another one points at. */
  hover(): void {
    const picture = this.#picture;
    if (!picture) return;
    const context = this.#layers.over();
    const [i, j = i] = this.#context.selection.hover;
    const cell = this.#cursor ?? (i === undefined || j === undefined ? null : { i, j });
    if (cell && cell.i < this.#length && cell.j < this.#length) {
      drawCrosshair(context, picture, cell);
    }
    if (this.#brushed) drawBrush(context, picture, this.#brushed);
    this.#host.dataset.brush = keyOf(this.#brushed);
    this.#showTooltip();
  }

  cellAt(x: number, y: number): Cell | null {
    const picture = this.#picture;
    if (!picture) return null;
    const { frame, window } = picture;
    return cellAt(window, x - frame.left, y - frame.top, this.#length, frame.side);
  }

  point(at: Point | null): void {
    this.#pointer = at;
    if (at) this.#cursor = null;
    this.#pointAt(at && this.cellAt(at.x, at.y));
    this.#showTooltip();
  }

  click({ i, j }: Cell): void {
    const { selection } = this.#context;
    if (i === j) selection.toggleMask(i);
    else selection.selectPair(i, j);
  }

  zoomed(): boolean {
    const picture = this.#picture;
    return picture !== null && isZoomed(this.#sight(picture), this.#length, picture.frame.side);
  }

  /** The window asked for last, though it may not be drawn yet. */
  #sight(picture: Picture): Window {
    return this.#window ?? picture.window;
  }

  zoom(x: number, y: number, factor: number): boolean {
    return this.#move((window, { left, top, side }) =>
      zoomAt(window, x - left, y - top, factor, this.#length, side),
    );
  }

  pan(dx: number, dy: number): void {
    this.#move((window, { side }) => panBy(window, dx, dy, this.#length, side));
  }

  reset(): void {
    this.#move((_, { side }) => whole(this.#length, side));
  }

  step(rows: number, columns: number): void {
    const [i = 0, j = i] = this.#context.selection.state.pair ?? this.#context.selection.hover;
    const from = this.#cursor ?? { i: i - rows, j: j - columns };
    const within = (k: number) => Math.max(0, Math.min(this.#length - 1, k));
    const cursor = { i: within(from.i + rows), j: within(from.j + columns) };
    this.#cursor = cursor;
    this.#pointer = null;
    this.#move((window, { side }) => reveal(window, cursor, this.#length, side));
    this.#pointAt(cursor);
    this.hover();
    this.#announcer.textContent = this.#traits.describe(cursor);
  }

  enter(): void {
    if (this.#cursor) this.click(this.#cursor);
  }

  escape(): void {
    if (!this.#cursor) return;
    this.#cursor = null;
    this.#pointAt(null);
    this.hover();
  }

  scanning(): boolean {
    return this.#traits.scanning;
  }

  brush(between: readonly [Point, Point] | null): void {
    const picture = this.#picture;
    if (!picture) return;
    const { frame, window } = picture;
    const cell = ({ x, y }: Point) =>
      cellNear(window, x - frame.left, y - frame.top, this.#length, frame.side);
    this.#brushed = between && regionBetween(cell(between[0]), cell(between[1]));
    this.hover();
  }

  release(): void {
    if (this.#brushed) this.#ask(this.#brushed);
    this.brush(null);
  }

  prioritise(): void {
    const picture = this.#picture;
    if (!picture) return;
    if (this.#traits.models.length === 0) return;
    if (!this.scanning()) this.#announcer.textContent = "There is nothing left to compute.";
    else if (!this.zoomed()) this.#announcer.textContent = "Zoom in first: all pairs are in sight.";
    else this.#ask(cellsInSight(this.#sight(picture), this.#length, picture.frame.side));
  }

  #ask(region: Region): void {
    const { model, protein } = this.#context;
    model.send({ type: "prioritise", rows: region.rows, columns: region.columns });
    this.#announcer.textContent = `To be computed first: ${describeRegion(region, protein.labels)}`;
  }

  #pointAt(cell: Cell | null): void {
    const { selection } = this.#context;
    if (!cell) selection.setHover([]);
    else selection.setHover(cell.i === cell.j ? [cell.i] : [cell.i, cell.j]);
  }

  /** Move the window; returns whether it moved. */
  #move(next: (window: Window, frame: Frame) => Window): boolean {
    const picture = this.#picture;
    if (!picture) return false;
    const from = this.#window ?? picture.window;
    const to = next(from, picture.frame);
    if (to.x === from.x && to.y === from.y && to.cell === from.cell) return false;
    this.#window = isZoomed(to, this.#length, picture.frame.side) ? to : null;
    this.#redraw();
    return true;
  }

  #drawMap(): void {
    const { protein, root, selection } = this.#context;
    const width = this.#stage.clientWidth;
    if (width === 0) return;
    const length = this.#length;
    const frame = layOut(width, protein.labels);
    const ratio = pixelRatio(this.#canvas);
    const window = this.#window
      ? clamp(this.#window, length, frame.side)
      : whole(length, frame.side);
    const pixels = Math.min(1, window.cell * ratio);
    const imageSize = Math.max(1, Math.round(length * pixels));
    const { masked, pair } = selection.state;
    const theme = readTheme(root);
    const traits = this.#traits;
    this.#picture = {
      frame,
      window,
      length,
      labels: protein.labels,
      sequence: protein.sequence,
      image: this.#raster.draw({
        upper: traits.map("upper"),
        lower: traits.map("lower"),
        limits: traits.limits,
        length,
        size: imageSize,
        dark: theme.dark,
      }),
      imageSize,
      hatched: traits.gaps || traits.floor !== null,
      estimates: traits.estimates,
      region: traits.region,
      masked,
      pair,
      theme,
    };
    this.#host.dataset.region = keyOf(traits.region);
    this.#status.showMarks(window.cell >= MARK_FROM);
    drawMap(this.#layers.ground(frame.width, frame.height), this.#picture);
    this.#showWindow(frame, window);
  }

  #showWindow(frame: Frame, window: Window): void {
    const zoomed = this.zoomed();
    this.#reset.hidden = !zoomed;
    this.#reset.style.left = `${frame.left + frame.side - 8}px`;
    this.#reset.style.top = `${frame.top + 8}px`;
    this.#canvas.classList.toggle("map-zoomed", zoomed);
    this.#empty.style.left = `${frame.left + 0.66 * frame.side}px`;
    this.#empty.style.top = `${frame.top + 0.3 * frame.side}px`;
    // For tests in a browser: where cell (0, 0) begins in the canvas, and how large a cell is.
    const [x0, y0] = [frame.left - window.x * window.cell, frame.top - window.y * window.cell];
    Object.assign(this.#canvas.dataset, { x0, y0, cell: window.cell });
  }

  #showTooltip(): void {
    const picture = this.#picture;
    const show = (cell: Cell, x: number, y: number): void =>
      this.#tooltip.showIn(this.#canvas, this.#traits.describe(cell), x, y);
    if (this.#cursor && picture) {
      const [x, y] = cornerOf(picture, this.#cursor);
      show(this.#cursor, x + picture.window.cell, y);
      return;
    }
    const at = this.#pointer;
    const cell = at && this.cellAt(at.x, at.y);
    if (at && cell) show(cell, at.x, at.y);
    else this.#tooltip.hide();
  }
}

/** For tests in a browser: first and last row, first and last column. */
function keyOf(region: Region | null): string {
  return region ? [...region.rows, ...region.columns].join(",") : "";
}

export default defineView({
  name: "pair_heatmap",
  label: "Pair map",
  css,
  traits: [
    "upper",
    "lower",
    "options",
    "normalisation",
    "normalisations",
    "upper_model",
    "lower_model",
    "models",
    "upper_map",
    "lower_map",
    "distances",
    "estimated",
    "colour_limits",
    "progress",
    "region",
  ],
  create: (context) => new PairHeatmap(context),
});
