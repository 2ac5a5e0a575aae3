/** Unmasking step by step: play, scrub, fork at a step, two lanes side by side. */
import blocksCss from "../../core/blocks.css";
import chartCss from "../../core/chart.css";
import { Choice, named, type Options } from "../../core/choice";
import { element } from "../../core/elements";
import { save } from "../../core/model";
import { Notice } from "../../core/notice";
import { ramp } from "../../core/ramp";
import { Tooltip } from "../../core/tooltip";
import { defineView, type View, type ViewContext } from "../../core/view";
import { Curves, type CurvesTrait } from "./curves";
import { type Colouring, Lane } from "./lane";
import { type LaneTrait, stepWords, Trace } from "./trace";
import css from "./unmasking_player.css";

const BEAT_MS = 700;
const COLOURINGS: Options = [
  ["step", "step of revelation"],
  ["probability", "probability when revealed"],
];

class UnmaskingPlayer implements View {
  #context: ViewContext;
  #host: HTMLElement;
  #told: unknown = null;
  #traces: Trace[] = [];
  #lanes: Lane[] = [];
  #row = element("div", { class: "unmasking-lanes" });
  #tooltip: Tooltip;
  #playing: ReturnType<typeof setInterval> | undefined;
  #play = element("button", { class: "plm-primary unmasking-play", "data-control": "play" });
  #before: readonly HTMLButtonElement[];
  #after: readonly HTMLButtonElement[];
  #slider = element("input", {
    type: "range",
    min: -1,
    step: 1,
    "aria-label": "Step",
    "data-control": "step",
  });
  #at = element("output", { class: "unmasking-at" });
  #strategy: Choice;
  /** How the fork goes on. */
  #goOnBy = "random";
  #seed = element("input", {
    type: "number",
    min: 0,
    max: 4294967295,
    step: 1,
    value: 1,
    required: true,
    "aria-label": "Seed of the fork",
    class: "unmasking-seed",
  });
  #fork = element("button", { "data-control": "fork" });
  #colour: Choice;
  #colouring: Colouring = "step";
  #ends: [HTMLElement, HTMLElement] = [element("span"), element("span")];
  #busy = element("div", { class: "plm-busy" });
  #notice = new Notice("warning");
  #curves: Curves;

  constructor(context: ViewContext) {
    this.#context = context;
    const { root, signal } = context;
    this.#host = context.host;
    this.#tooltip = new Tooltip(root);
    this.#curves = new Curves(signal, this.#tooltip);
    const jump = (label: string, sign: string, to: () => number): HTMLButtonElement => {
      const button = element("button", { "aria-label": label, title: label }, sign);
      button.addEventListener(
        "click",
        () => {
          this.#stop();
          this.#go(to());
        },
        { signal },
      );
      return button;
    };
    const before = [
      jump("All hidden", "«", () => -1),
      jump("One step back", "‹", () => this.#step - 1),
    ];
    const after = [
      jump("One step on", "›", () => this.#step + 1),
      jump("To the end", "»", () => this.#last),
    ];
    this.#before = before;
    this.#after = after;
    this.#play.addEventListener("click", () => this.#toggle(), { signal });
    this.#slider.addEventListener(
      "input",
      () => {
        this.#stop();
        this.#go(Number(this.#slider.value));
      },
      { signal },
    );
    signal.addEventListener("abort", () => clearInterval(this.#playing), { once: true });
    this.#strategy = new Choice("Strategy of the fork", "strategy", signal, (strategy) => {
      this.#goOnBy = strategy;
      this.draw();
    });
    this.#fork.addEventListener("click", () => this.#ask(), { signal });
    this.#seed.addEventListener(
      "keydown",
      (event) => {
        if (event.key === "Enter" && !this.#fork.disabled) this.#ask();
      },
      { signal },
    );
    this.#colour = new Choice("Colour of the residues", "colouring", signal, (colouring) => {
      this.#colouring = colouring as Colouring;
      this.draw();
    });
    root.append(
      element(
        "div",
        { class: "plm-toolbar" },
        element("span", { class: "plm-title" }, "Unmasking"),
        element("span", { class: "plm-spring" }),
        element("label", { class: "plm-group" }, "Colour", this.#colour.node),
        element(
          "span",
          { class: "plm-legend" },
          element("span", { class: "plm-item" }, this.#ends[0], ramp("sequential"), this.#ends[1]),
        ),
      ),
      this.#busy,
      element(
        "div",
        { class: "unmasking-controls" },
        element("div", { class: "plm-group" }, ...before, this.#play, ...after),
        this.#slider,
        this.#at,
      ),
      this.#row,
      element(
        "div",
        { class: "unmasking-key plm-muted" },
        "Hatched: hidden. Framed: revealed in this step. Italic: not the wild type.",
      ),
      element(
        "div",
        { class: "plm-toolbar unmasking-fork" },
        element("label", { class: "plm-group" }, "Go on by", this.#strategy.node),
        element("label", { class: "plm-group" }, "seed", this.#seed),
        this.#fork,
      ),
      this.#notice.node,
      this.#curves.node,
    );
  }

  get #last(): number {
    return Math.max(0, ...this.#traces.map((trace) => trace.steps - 1));
  }

  get #step(): number {
    return Number(this.#context.model.get("step"));
  }

  draw(): void {
    const { model, protein, selection } = this.#context;
    const told = model.get("lanes");
    if (told !== this.#told) {
      this.#told = told;
      this.#traces = (told as LaneTrait[]).map((lane) => new Trace(lane));
    }
    while (this.#lanes.length < this.#traces.length) this.#addLane();
    for (const extra of this.#lanes.splice(this.#traces.length)) extra.node.remove();
    this.#strategy.draw(named(model.get("strategies") as string[]), this.#goOnBy);
    this.#colour.draw(COLOURINGS, this.#colouring);
    const colouring = this.#colouring;
    const step = Math.max(-1, Math.min(this.#step, this.#last));
    const { focus } = selection.state;
    for (const [k, trace] of this.#traces.entries()) {
      this.#lanes[k]?.draw(trace, step, this.#last, colouring, focus);
    }
    const words = stepWords(step, this.#last + 1);
    this.#slider.max = String(this.#last);
    this.#slider.value = String(step);
    this.#slider.setAttribute(
      "aria-valuetext",
      [words, ...this.#traces.map((trace) => `${trace.title}: ${trace.summary(step)}`)].join(". "),
    );
    this.#at.value = words;
    for (const button of this.#before) button.disabled = step < 0;
    for (const button of this.#after) button.disabled = step >= this.#last;
    this.#play.textContent = this.#playing === undefined ? "Play" : "Pause";
    const [mine] = this.#traces;
    const rest = mine !== undefined && step < mine.steps - 1;
    const busy = model.get("busy") === true;
    this.#fork.disabled = !rest || busy;
    this.#fork.textContent = rest ? `Fork before step ${step + 1}` : "Fork: go back a step first";
    this.#busy.classList.toggle("is-on", busy);
    this.#notice.say(String(model.get("notice") ?? ""));
    const byStep = colouring === "step";
    this.#ends[0].textContent = byStep ? "step 0" : "0";
    this.#ends[1].textContent = byStep ? String(this.#last) : "1";
    const curves = model.get("curves") as CurvesTrait | null;
    this.#curves.node.hidden = curves === null || curves === undefined;
    if (curves) this.#curves.draw(curves);
    this.#host.dataset.step = String(step);
    this.#host.dataset.lanes = String(this.#traces.length);
    this.#host.dataset.length = String(protein.sequence.length);
  }

  hover(): void {
    for (const lane of this.#lanes) lane.list.hover(this.#context.selection.hover);
  }

  #go(step: number): void {
    const { model } = this.#context;
    const next = Math.max(-1, Math.min(step, this.#last));
    if (next === this.#step) return;
    save(model, { step: next });
    this.draw();
  }

  #toggle(): void {
    if (this.#playing !== undefined) {
      this.#stop();
      return;
    }
    if (this.#step >= this.#last) this.#go(-1);
    this.#playing = setInterval(() => {
      this.#go(this.#step + 1);
      if (this.#step >= this.#last) this.#stop();
    }, BEAT_MS);
    this.draw();
  }

  #stop(): void {
    if (this.#playing === undefined) return;
    clearInterval(this.#playing);
    this.#playing = undefined;
    this.draw();
  }

  #ask(): void {
    if (!this.#seed.reportValidity()) return;
    this.#stop();
    this.#context.model.send({
      type: "fork",
      step: this.#step + 1,
      strategy: this.#goOnBy,
      seed: Number(this.#seed.value),
    });
  }

  #addLane(): void {
    const { protein, selection, signal } = this.#context;
    const which = this.#lanes.length;
    const lane = new Lane(protein, which);
    this.#lanes.push(lane);
    this.#row.append(lane.node);
    lane.list.walk({
      selection,
      signal,
      tooltip: this.#tooltip,
      describe: (i) =>
        this.#traces[which]?.describe(
          i,
          this.#step,
          protein.labels[i] ?? "",
          protein.sequence[i] ?? "",
        ) ?? "",
    });
  }
}

export default defineView({
  name: "unmasking_player",
  label: "Unmasking player",
  css: blocksCss + chartCss + css,
  traits: ["lanes", "step", "curves", "busy", "notice"],
  create: (context) => new UnmaskingPlayer(context),
});
