/** Embeddings in two dimensions: the residues of a protein, or sequences. */
import { Choice, type Options } from "../../core/choice";
import { CHEMISTRY_CSS } from "../../core/colour";
import { element } from "../../core/elements";
import { save } from "../../core/model";
import { Notice } from "../../core/notice";
import { type Frame, Points } from "../../core/points";
import { ring, Scatter } from "../../core/scatter";
import scatterCss from "../../core/scatter.css";
import type { Theme } from "../../core/theme";
import { defineView, type View, type ViewContext } from "../../core/view";
import { Colouring, type ColouringTrait, letterColour, trace } from "./colours";
import css from "./embedding_plot.css";
import { Legend } from "./legend";

/** Points up to which residues are drawn as letters. */
const MOST_LETTERS = 400;
/** Points from which marks are small. */
const MANY = 1500;

const KEYS = {
  residue:
    "Arrow keys go from residue to residue, Enter puts one in focus, the space bar masks it; " +
    "dragging a box masks the residues in it, with shift as well as those that are masked",
  sequence: "Arrow keys go from sequence to sequence, Enter opens one",
};

class EmbeddingPlot implements View {
  #context: ViewContext;
  #host: HTMLElement;
  #scatter: Scatter;
  #unit: "residue" | "sequence";
  #trait: unknown = null;
  #points: Points | null = null;
  #colouring: Colouring | null = null;
  #legend = new Legend();
  #caption = element("span", { class: "plm-muted" });
  #method: Choice;
  #colour: Choice;
  #layer = element("input", { type: "range", "aria-label": "Layer", min: 0, step: 1 });
  #layerText = element("span", { class: "embedding-layer" });
  #layerGroup: HTMLElement;
  #busy = element("div", { class: "plm-busy" });
  #notice = new Notice("remark");

  constructor(context: ViewContext) {
    this.#context = context;
    const { root, signal, model, protein } = context;
    this.#host = context.host;
    this.#unit = model.get("unit") === "sequence" ? "sequence" : "residue";
    const residues = this.#unit === "residue";
    const title = residues ? `Residues of ${protein.name}` : "Sequences";
    this.#host.ariaLabel = residues ? `Embeddings of ${protein.name}` : "Embeddings of sequences";
    this.#scatter = new Scatter(
      {
        root,
        signal,
        describe: (point) => this.#describe(point),
        point: (point) => {
          if (residues) context.selection.setHover(point === null ? [] : [point]);
        },
        act: (point, event) => this.#act(point, event),
        ...(residues ? { brush: (points, event) => this.#mask(points, event.shiftKey) } : {}),
        paint: (canvas, frame, theme) => this.#paint(canvas, frame, theme),
      },
      `Embeddings in two dimensions: ${title}`,
      KEYS[this.#unit],
    );
    this.#method = new Choice("Projection", "method", signal, (method) => save(model, { method }));
    this.#colour = new Choice("Colour by", "colour_by", signal, (colour_by) =>
      save(model, { colour_by }),
    );
    this.#layerGroup = element("label", {}, "Layer", this.#layer, this.#layerText);
    root.append(
      element(
        "div",
        { class: "plm-toolbar" },
        element("span", { class: "plm-title" }, title),
        this.#caption,
      ),
      element(
        "div",
        { class: "embedding-controls" },
        element("label", {}, "Projection", this.#method.node),
        this.#layerGroup,
        element("label", {}, "Colour by", this.#colour.node),
      ),
      this.#legend.node,
      this.#busy,
      this.#notice.node,
      this.#scatter.node,
    );
    const layer = () => (model.get("layers") as number[])[Number(this.#layer.value)];
    this.#layer.addEventListener("change", () => save(model, { layer: layer() }), { signal });
    this.#layer.addEventListener(
      "input",
      () => {
        this.#layerText.textContent = String(layer());
      },
      { signal },
    );
  }

  draw(): void {
    const { model, root } = this.#context;
    const trait = model.get("points") as ConstructorParameters<typeof Points>[0] | null;
    if (trait !== this.#trait || trait === null) {
      this.#trait = trait;
      this.#points = trait ? new Points(trait) : null;
      this.#scatter.show(this.#points);
    }
    const size = this.#points?.size ?? 0;
    const colouring = model.get("colouring") as ColouringTrait | null;
    // While other points are on their way, what there is to colour by may be of these already.
    const fits = colouring !== null && colouring.values.shape[0] === size;
    this.#colouring = fits ? new Colouring(colouring, size) : null;
    this.#controls();
    this.#legend.draw(this.#colouring, this.#chemistry, root.dataset.theme === "dark");
    this.#legend.node.hidden = this.#points === null;
    const pending = model.get("pending") === true;
    const coming = `computing ${this.#method.node.selectedOptions[0]?.text}, layer ${model.get("layer")}`;
    this.#caption.textContent = pending && size > 0 ? coming : String(model.get("caption"));
    this.#busy.classList.toggle("is-on", pending);
    this.#notice.say(String(model.get("notice")));
    const labels = [String(model.get("x_label")), String(model.get("y_label"))] as const;
    this.#scatter.draw(root.clientWidth, labels);
    this.#host.dataset.points = String(size);
  }

  hover(): void {
    this.#scatter.paintSoon();
  }

  get #chemistry(): boolean {
    return this.#context.model.get("colour_by") === "chemistry";
  }

  #controls(): void {
    const { model } = this.#context;
    const layers = model.get("layers") as number[];
    const layer = Number(model.get("layer"));
    this.#method.draw(model.get("methods") as Options, String(model.get("method")));
    this.#colour.draw(model.get("colour_options") as Options, String(model.get("colour_by")));
    this.#layerGroup.hidden = layers.length < 2;
    this.#layer.max = String(layers.length - 1);
    this.#layer.value = String(layers.indexOf(layer));
    this.#layer.setAttribute("aria-valuetext", `layer ${layer}`);
    this.#layerText.textContent = String(layer);
  }

  #paint(context: CanvasRenderingContext2D, frame: Frame, theme: Theme): void {
    const points = this.#points;
    if (!points) return;
    const { protein, selection, model } = this.#context;
    const residues = this.#unit === "residue";
    const letters = residues && points.size <= MOST_LETTERS;
    const radius = points.size > MANY ? 2 : 4;
    context.font = `600 12px ${theme.font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.globalAlpha = points.size > MANY ? 0.6 : 0.9;
    for (let point = 0; point < points.size; point += 1) {
      const [x, y] = points.place(point, frame);
      const letter = protein.sequence[point] ?? "";
      const known = this.#chemistry
        ? letterColour(letter, theme.dark)
        : this.#colouring?.colour(point, theme.dark);
      context.fillStyle = known || theme.muted;
      // Letters in the pale end of a scale would not be legible: a mark carries the colour there.
      const asLetter = letters && (this.#chemistry || this.#colouring === null);
      if (asLetter) context.fillText(letter, x, y);
      else {
        trace(context, this.#colouring?.shape(point) || 0, x, y, radius);
        context.fill();
        context.strokeStyle = theme.muted;
        context.lineWidth = 0.5;
        if (radius > 2) context.stroke();
      }
    }
    context.globalAlpha = 1;
    const { canvas } = this.#scatter;
    const mark = (positions: readonly number[], colour: string, size: number) => {
      for (const point of positions) {
        if (point < points.size) ring(context, points.place(point, frame), colour, size);
      }
    };
    if (residues) {
      const { masked, focus } = selection.state;
      mark(masked, theme.mask, 8);
      mark(focus === null ? [] : [focus], theme.accent, 10);
      mark(selection.hover, theme.text, 7);
      canvas.dataset.meant = selection.hover.join(",");
      canvas.dataset.masked = masked.join(",");
      canvas.dataset.focus = String(focus ?? "");
    } else {
      const chosen = Number(model.get("chosen"));
      const at = (model.get("indices") as number[]).indexOf(chosen);
      mark(at < 0 ? [] : [at], theme.accent, 9);
      canvas.dataset.chosen = String(chosen);
    }
  }

  #act(point: number, event: MouseEvent | KeyboardEvent): void {
    const { selection, model } = this.#context;
    if (this.#unit === "sequence") {
      save(model, { chosen: (model.get("indices") as number[])[point] ?? point });
      this.#scatter.paintSoon();
    } else if (event.shiftKey || ("key" in event && event.key === " ")) selection.toggleMask(point);
    else selection.change({ focus: point });
  }

  #mask(points: readonly number[], adds: boolean): void {
    const { selection } = this.#context;
    selection.setMasked(adds ? [...selection.state.masked, ...points] : points);
  }

  #describe(point: number): string {
    const { protein, model } = this.#context;
    const names = this.#unit === "residue" ? protein.labels : (model.get("names") as string[]);
    const lines = [names[point] ?? ""];
    if (this.#unit === "residue" && this.#context.selection.state.masked.includes(point)) {
      lines[0] += "  masked";
    }
    if (this.#colouring && !this.#chemistry) lines.push(this.#colouring.text(point));
    return lines.join("\n");
  }
}

export default defineView({
  name: "embedding_plot",
  label: "Embeddings",
  css: scatterCss + css + CHEMISTRY_CSS,
  traits: [
    "points",
    "names",
    "indices",
    "x_label",
    "y_label",
    "caption",
    "method",
    "methods",
    "layer",
    "layers",
    "colour_by",
    "colour_options",
    "colouring",
    "chosen",
    "pending",
    "notice",
  ],
  create: (context) => new EmbeddingPlot(context),
});
