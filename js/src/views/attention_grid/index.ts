/** All attention heads of a model, a small picture each; a click or the arrow keys choose one. */
import type { ArrayEnvelope } from "../../core/arrays";
import { Choice, type Options } from "../../core/choice";
import { element } from "../../core/elements";
import { formatValue } from "../../core/format";
import { save } from "../../core/model";
import { magnification, placeIn } from "../../core/place";
import { readTheme } from "../../core/theme";
import { Tooltip } from "../../core/tooltip";
import { defineView, type View, type ViewContext } from "../../core/view";
import css from "./attention_grid.css";
import { atlasOf, drawGrid } from "./drawing";
import { Heads, type Place } from "./heads";
import { cornerOf, headAt, type Layout, layoutOf, stepOf } from "./layout";

const BEST = 5;
const SHOWN: Options = [
  ["weights", "attention of row to column"],
  ["contacts", "symmetric, APC"],
];

class AttentionGrid implements View {
  #context: ViewContext;
  #host: HTMLElement;
  #pictures: ArrayEnvelope | null = null;
  #heads: Heads | null = null;
  #atlas: HTMLCanvasElement | null = null;
  #layout: Layout = layoutOf(1, 1, 100);
  #pointed: Place | null = null;
  #tooltip: Tooltip;
  #chosen = element("span", { class: "plm-muted", role: "status" });
  #compute = element("button", { type: "button", class: "plm-primary" }, "Compute");
  #show: Choice;
  #automatic = element("input", { type: "checkbox" });
  #busy = element("div", { class: "plm-busy" });
  #hint = element("div", { class: "plm-muted grid-hint" });
  #canvas = element("canvas", { class: "grid-canvas", role: "img", tabindex: 0 });
  #stage = element("div", { class: "grid-stage" }, this.#canvas);
  #best = element("div", { class: "plm-group grid-best" });

  constructor(context: ViewContext) {
    this.#context = context;
    const { model, root, signal } = context;
    this.#host = context.host;
    this.#show = new Choice("What the pictures show", "show", signal, (show) =>
      save(model, { show }),
    );
    root.append(
      element(
        "div",
        { class: "plm-toolbar" },
        element("span", { class: "plm-title" }, "Attention heads"),
        this.#chosen,
        this.#compute,
        element("span", { class: "plm-spring" }),
        this.#show.node,
        element("label", { class: "plm-group plm-muted" }, this.#automatic, "follow the masks"),
      ),
      this.#busy,
      this.#stage,
      this.#best,
      this.#hint,
    );
    this.#tooltip = new Tooltip(root);
    this.#compute.addEventListener("click", () => model.send({ type: "compute" }), { signal });
    this.#automatic.addEventListener(
      "change",
      () => save(model, { automatic: this.#automatic.checked }),
      { signal },
    );
    this.#listen(signal);
  }

  draw(): void {
    const { model, root } = this.#context;
    const pictures = model.get("pictures") as ArrayEnvelope | null;
    if (pictures !== this.#pictures) {
      this.#pictures = pictures;
      const precision = model.get("precision") as ArrayEnvelope | null;
      this.#heads = pictures ? new Heads(pictures, precision) : null;
      this.#atlas = this.#heads ? atlasOf(this.#heads) : null;
    }
    const [pending, stale, automatic] = ["pending", "stale", "automatic"].map(
      (name) => model.get(name) === true,
    );
    const heads = this.#heads;
    this.#show.draw(SHOWN, String(model.get("show")));
    this.#automatic.checked = automatic === true;
    this.#busy.classList.toggle("is-on", pending === true);
    this.#compute.hidden = !stale || pending === true || automatic === true;
    this.#stage.hidden = !heads;
    this.#hint.textContent = this.#advice(heads, pending === true, stale === true);
    this.#chosen.textContent = heads ? this.#say(this.chosen) : "";
    this.#host.dataset.chosen = `${model.get("layer")},${model.get("head")}`;
    this.#host.dataset.heads = heads ? String(heads.rows * heads.heads) : "0";
    if (!heads || !this.#atlas) {
      this.#best.replaceChildren();
      return;
    }
    this.#layout = layoutOf(heads.rows, heads.heads, this.#stage.clientWidth);
    const best = heads.best(BEST);
    drawGrid(this.#canvas, {
      heads,
      atlas: this.#atlas,
      layout: this.#layout,
      layers: this.layers,
      chosen: this.chosen,
      pointed: this.#pointed,
      best,
      theme: readTheme(root),
      stale: stale === true && pending !== true,
    });
    this.#canvas.ariaLabel =
      `Attention of ${heads.rows} layers with ${heads.heads} heads each; ` +
      `chosen: ${this.#say(this.chosen)}. The arrow keys choose another one.`;
    this.#drawBest(heads, best);
  }

  #drawBest(heads: Heads, best: readonly Place[]): void {
    // The same buttons as long as nothing changes, or one that is being pressed would be gone.
    const words = best.map((place) => `${this.#name(place)}: ${formatShare(heads, place)}`);
    const key = words.join();
    this.#best.hidden = best.length === 0;
    if (this.#best.dataset.key === key) return;
    this.#best.dataset.key = key;
    const buttons = best.map((place, k) => {
      const button = element(
        "button",
        { type: "button", title: "Share of contacts among the head's best pairs" },
        words[k] ?? "",
      );
      button.addEventListener("click", () => this.#choose(place));
      return button;
    });
    const caption = element("span", { class: "plm-muted" }, "Best at finding contacts");
    this.#best.replaceChildren(caption, ...buttons);
  }

  #advice(heads: Heads | null, pending: boolean, stale: boolean): string {
    if (!heads) return pending ? "The model is asked what its heads look at." : "No maps yet.";
    if (stale && !pending) {
      const seconds = Number(this.#context.model.get("seconds"));
      return `These are of other masks: press Compute, which took ${formatValue(seconds)} s.`;
    }
    const rows = "Rows are layers, columns heads, both counted from 0; each on its own scale.";
    const bars = heads.precision({ row: 0, head: 0 }) === null ? "" : " Bars: precision.";
    return rows + bars;
  }

  #listen(signal: AbortSignal): void {
    const canvas = this.#canvas;
    const leave = (): void => {
      this.#tooltip.hide();
      if (!this.#pointed) return;
      this.#pointed = null;
      this.draw();
    };
    const at = (event: MouseEvent): Place | null => {
      const { x, y } = placeIn(canvas, event.clientX, event.clientY);
      return headAt(this.#layout, x, y);
    };
    canvas.addEventListener(
      "pointermove",
      (event) => {
        const place = at(event);
        if (!place) return leave();
        if (place.row !== this.#pointed?.row || place.head !== this.#pointed.head) {
          this.#pointed = place;
          this.draw();
        }
        this.#tooltip.show(this.#describe(place), event.clientX, event.clientY);
      },
      { signal },
    );
    canvas.addEventListener("pointerleave", leave, { signal });
    this.#stage.addEventListener("scroll", leave, { signal });
    canvas.addEventListener(
      "click",
      (event) => {
        const place = at(event);
        if (place) this.#choose(place);
      },
      { signal },
    );
    canvas.addEventListener(
      "keydown",
      (event) => {
        const place = stepOf(event.key, this.chosen, this.#layout);
        if (!place) return;
        event.preventDefault();
        event.stopPropagation();
        this.#choose(place);
        this.#bringIntoSight(place);
      },
      { signal },
    );
  }

  #choose(place: Place): void {
    save(this.#context.model, { layer: this.layers[place.row] ?? 0, head: place.head });
    this.draw();
  }

  #bringIntoSight(place: Place): void {
    const stage = this.#stage;
    const scale = magnification(this.#canvas);
    const [, y] = cornerOf(this.#layout, place).map((k) => k * scale);
    const size = this.#layout.step * scale;
    const corner = y ?? 0;
    if (corner < stage.scrollTop + size) stage.scrollTop = corner - size;
    else if (corner + size > stage.scrollTop + stage.clientHeight) {
      stage.scrollTop = corner + size - stage.clientHeight;
    }
  }

  #name({ row, head }: Place): string {
    return `layer ${this.layers[row]}, head ${head}`;
  }

  #say(place: Place): string {
    const share = this.#heads && formatShare(this.#heads, place);
    return this.#name(place) + (share ? `, precision ${share}` : "");
  }

  #describe(place: Place): string {
    const share = this.#heads && formatShare(this.#heads, place);
    const { length } = this.#context.protein.sequence;
    const name = this.#name(place);
    return (
      name.charAt(0).toUpperCase() +
      name.slice(1) +
      (share ? `\n${share} of its ${length} best pairs are contacts` : "")
    );
  }

  private get layers(): readonly number[] {
    return this.#context.model.get("layers") as readonly number[];
  }

  private get chosen(): Place {
    const { model } = this.#context;
    const row = this.layers.indexOf(Number(model.get("layer")));
    return { row: Math.max(0, row), head: Number(model.get("head")) };
  }
}

function formatShare(heads: Heads, place: Place): string {
  const share = heads.precision(place);
  return share === null ? "" : `${Math.round(100 * share)} %`;
}

export default defineView({
  name: "attention_grid",
  label: "Attention heads",
  css,
  traits: [
    ...["pictures", "precision", "layers", "layer", "head"],
    ...["show", "automatic", "pending", "stale", "seconds"],
  ],
  create: (context) => new AttentionGrid(context),
});
