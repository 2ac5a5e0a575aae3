/** A training example: which residues are chosen, what the model sees, and what it costs. */
import { type ArrayEnvelope, decodeArray } from "../../core/arrays";
import blocksCss from "../../core/blocks.css";
import { Choice, type Options } from "../../core/choice";
import { element } from "../../core/elements";
import { save } from "../../core/model";
import { Notice } from "../../core/notice";
import { Tooltip } from "../../core/tooltip";
import { defineView, type View, type ViewContext } from "../../core/view";
import css from "./corruption_view.css";
import { Histogram, type RateTrait } from "./histogram";
import { type Losses, LossTable } from "./losses";
import { percent, rebalanced, type Split } from "./split";
import { describe, FATES, FateStrip, fateOf, MASK, swatch } from "./strip";

interface Facts {
  rate?: number;
  counts?: number[];
  model?: string;
}

class CorruptionView implements View {
  #context: ViewContext;
  #host: HTMLElement;
  #title = element("span", { class: "plm-muted" });
  #distribution: Choice;
  #rate: HTMLInputElement;
  #rateText = element("output", { class: "corrupt-value" });
  #parts: { input: HTMLInputElement; text: HTMLOutputElement }[];
  #spans: HTMLInputElement;
  #seed: HTMLInputElement;
  #many: HTMLButtonElement;
  #busy = element("div", { class: "plm-busy" });
  #apart: HTMLElement;
  #problem = new Notice("warning");
  #legend: HTMLElement[];
  #strip: FateStrip;
  #losses = new LossTable();
  #histogram = new Histogram();
  #drawn = element("div", { class: "plm-muted corrupt-drawn" });

  constructor(context: ViewContext) {
    this.#context = context;
    const { model, root, signal, protein, selection } = context;
    this.#host = context.host;
    this.#strip = new FateStrip(protein);
    const send = (words: string, type: string, primary: boolean) => {
      const node = element(
        "button",
        { type: "button", class: primary ? "plm-primary" : "" },
        words,
      );
      node.addEventListener("click", () => model.send({ type }), { signal });
      return node;
    };
    this.#distribution = new Choice(
      "Where the rate comes from",
      "rate_distribution",
      signal,
      (rate_distribution) => save(model, { rate_distribution }),
    );
    const slider = (label: string, change: (value: number) => void) => {
      const input = element("input", {
        type: "range",
        min: 0,
        max: 1,
        step: 0.01,
        "aria-label": label,
      });
      input.addEventListener("input", () => change(Number(input.value)), { signal });
      return input;
    };
    this.#rate = slider("Rate: share of residues that are chosen", (rate) => save(model, { rate }));
    this.#parts = FATES.slice(1).map((fate, which) => ({
      input: slider(`Share of the chosen that are ${fate}`, (value) =>
        save(model, {
          split: [...rebalanced(model.get("split") as unknown as Split, which, value)],
        }),
      ),
      text: element("output", { class: "corrupt-value" }),
    }));
    const number = (label: string, trait: string, least: number, most: number) => {
      const input = element("input", {
        type: "number",
        min: least,
        max: most,
        step: 1,
        "aria-label": label,
        "data-control": trait,
      });
      input.addEventListener(
        "change",
        () => {
          if (input.value !== "" && input.checkValidity())
            save(model, { [trait]: Number(input.value) });
          else input.reportValidity();
        },
        { signal },
      );
      return input;
    };
    this.#spans = number("Length of the runs that are chosen", "span", 1, protein.sequence.length);
    this.#seed = number("Seed of the draw", "seed", 0, Number.MAX_SAFE_INTEGER);
    this.#many = element("button", { type: "button" });
    this.#many.addEventListener(
      "click",
      () => model.send({ type: this.#running ? "stop" : "average" }),
      { signal },
    );
    this.#apart = element(
      "div",
      { class: "plm-warning corrupt-apart", role: "status", hidden: true },
      "The masks were changed by hand: the model sees something else now.",
      send("Put them back", "apply", false),
    );
    this.#legend = FATES.map(() => element("span", { class: "corrupt-count" }));
    this.#strip.list.walk({
      selection,
      signal,
      tooltip: new Tooltip(root),
      describe: (position) => this.#describe(position),
    });
    const labelled = (words: string, ...nodes: Node[]) =>
      element("label", { class: "corrupt-control" }, element("span", {}, words), ...nodes);
    root.append(
      element(
        "div",
        { class: "plm-toolbar" },
        element("span", { class: "plm-title" }, "A training example"),
        this.#title,
        element("span", { class: "plm-spring" }),
        this.#many,
        send("Draw again", "redraw", true),
      ),
      element(
        "div",
        { class: "corrupt-controls" },
        element(
          "fieldset",
          {},
          element("legend", {}, "How many are chosen"),
          labelled("from", this.#distribution.node),
          labelled("rate", this.#rate, this.#rateText),
          element(
            "div",
            { class: "corrupt-numbers" },
            labelled("in runs of", this.#spans),
            labelled("seed", this.#seed),
          ),
        ),
        element(
          "fieldset",
          {},
          element("legend", {}, "What becomes of them"),
          ...this.#parts.map(({ input, text }, k) => {
            const fate = FATES[k + 1] ?? "kept";
            const words = element("span", {}, swatch(fate), fate);
            return element("label", { class: "corrupt-control" }, words, input, text);
          }),
        ),
      ),
      this.#busy,
      this.#problem.node,
      this.#apart,
      element(
        "div",
        { class: "plm-legend corrupt-legend" },
        ...FATES.map((fate, k) =>
          element("span", { class: "plm-item" }, swatch(fate), fate, this.#legend[k] ?? ""),
        ),
        element("span", { class: "plm-muted" }, "above: the residue; below: what the model sees"),
      ),
      this.#strip.list.node,
      element(
        "div",
        { class: "corrupt-figures" },
        element(
          "div",
          { class: "corrupt-panel" },
          element("div", { class: "plm-title" }, "What it costs the model"),
          this.#losses.node,
          element("div", { class: "plm-muted corrupt-blind" }, "Dashed: a blind guess."),
        ),
        element(
          "div",
          { class: "corrupt-panel" },
          element("div", { class: "plm-title" }, "Rates that are drawn"),
          this.#histogram.node,
          this.#drawn,
        ),
      ),
    );
    selection.onState(() => this.#strip.list.focus(selection.state.focus));
  }

  draw(): void {
    const { model, protein, selection } = this.#context;
    const facts = (model.get("facts") ?? {}) as Facts;
    const losses = (model.get("losses") ?? {}) as Losses;
    const distribution = String(model.get("rate_distribution"));
    const fixed = distribution === "fixed";
    const rate = facts.rate ?? 0;
    const counts = facts.counts ?? [];
    this.#title.textContent = `${protein.name}, ${protein.sequence.length} residues`;
    const options = model.get("options") as Options;
    this.#distribution.draw(options, distribution);
    const shown = fixed ? Number(model.get("rate")) : rate;
    this.#rate.value = String(shown);
    this.#rate.disabled = !fixed;
    this.#rateText.value = percent(shown);
    const split = model.get("split") as number[];
    for (const [k, { input, text }] of this.#parts.entries()) {
      input.value = String(split[k] ?? 0);
      text.value = percent(split[k] ?? 0);
    }
    this.#put(this.#spans, model.get("span"));
    this.#put(this.#seed, model.get("seed"));
    this.#many.textContent = this.#running
      ? `Stop (${losses.done ?? 0} of ${losses.total ?? 0})`
      : "Average 200 draws";
    this.#busy.classList.toggle("is-on", model.get("pending") === true || this.#running);
    this.#problem.say(String(model.get("problem") ?? "") || (losses.problem ?? ""));
    this.#apart.hidden = model.get("in_step") !== false;
    for (const [k, node] of this.#legend.entries()) node.textContent = String(counts[k] ?? "");
    const fates = model.get("fates") as ArrayEnvelope | null;
    const chances = model.get("true_p") as ArrayEnvelope | null;
    if (fates) {
      this.#strip.draw(
        decodeArray(fates).values,
        String(model.get("shown")),
        chances ? decodeArray(chances).values : null,
      );
    }
    this.#strip.list.focus(selection.state.focus);
    this.#losses.draw(losses);
    const chosen = counts.slice(1).reduce((sum, n) => sum + n, 0);
    const name = options.find(([value]) => value === distribution)?.[1] ?? distribution;
    const histogram = model.get("histogram") as RateTrait | null;
    if (histogram) this.#histogram.draw(histogram, rate, name);
    const share = chosen / Math.max(1, protein.sequence.length);
    this.#drawn.textContent =
      `This draw (▼): a rate of ${rate.toFixed(3)}, by which ${chosen} were chosen ` +
      `(${share.toFixed(3)}). Mean of all (dashed): ${histogram?.mean.toFixed(3) ?? ""}.`;
    this.#host.dataset.seed = String(model.get("seed"));
    this.#host.dataset.chosen = String(chosen);
    this.#host.dataset.done = String(losses.done ?? 0);
    this.#host.dataset.known = String(chances !== null);
  }

  hover(): void {
    this.#strip.list.hover(this.#context.selection.hover);
  }

  get #running(): boolean {
    return ((this.#context.model.get("losses") ?? {}) as Losses).running === true;
  }

  #describe(position: number): string {
    const { model, protein } = this.#context;
    const fates = model.get("fates") as ArrayEnvelope | null;
    const chances = model.get("true_p") as ArrayEnvelope | null;
    return describe(
      protein.labels[position] ?? "",
      fateOf(fates ? decodeArray(fates).values[position] : 0),
      String(model.get("shown"))[position] ?? MASK,
      chances ? decodeArray(chances).values[position] : undefined,
    );
  }

  /** Show a number, unless it is being typed. */
  #put(input: HTMLInputElement, value: unknown): void {
    const root = this.#context.root.getRootNode() as ShadowRoot;
    if (root.activeElement !== input) input.value = String(value);
  }
}

export default defineView({
  name: "corruption_view",
  label: "Training example",
  css: blocksCss + css,
  traits: [
    "rate",
    "split",
    "span",
    "rate_distribution",
    "seed",
    "fates",
    "shown",
    "facts",
    "histogram",
    "true_p",
    "losses",
    "pending",
    "problem",
    "in_step",
  ],
  create: (context) => new CorruptionView(context),
});
