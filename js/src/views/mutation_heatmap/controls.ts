/** What stands around the maps: choices above, colour scales and progress below. */
import { Choice, type Options } from "../../core/choice";
import { element } from "../../core/elements";
import { formatLimit } from "../../core/format";
import type { ViewModel } from "../../core/model";
import { ramp } from "../../core/ramp";
import type { ScoreMap } from "./maps";

export interface Actions {
  set(name: string, value: unknown): void;
  /** While the slider moves, and when it is let go. */
  limit(limit: number | null, done: boolean): void;
  zoom(factor: number): void;
  reset(): void;
  run(type: "start" | "pause", name: string): void;
}

const ORDERS: Options = [
  ["chemistry", "chemistry"],
  ["alphabet", "alphabet"],
];
const STEPS = 200;
/** The smallest scale, in nats. */
const LEAST = 0.25;

export class Controls {
  readonly toolbar: HTMLElement;
  readonly legend: HTMLElement;
  readonly status: HTMLElement;
  #actions: Actions;
  #show: Choice;
  #below: Choice;
  #order: Choice;
  #slider = element("input", {
    type: "range",
    class: "mut-slider",
    "aria-label": "Ends of the colour scale, in nats",
    min: 1,
    max: STEPS,
  });
  #scales = element("div", { class: "mut-scales" });
  #run = element("button", { type: "button", class: "plm-primary" });
  #told = element("span", { role: "status" });
  #most = 1;
  /** The map whose computation the button is about. */
  #about: ScoreMap | null = null;

  constructor(signal: AbortSignal, actions: Actions) {
    this.#actions = actions;
    const button = (text: string, label: string, act: () => void): HTMLElement => {
      const made = element("button", { type: "button", "aria-label": label, title: label }, text);
      made.addEventListener("click", act, { signal });
      return made;
    };
    const choice = (what: string, trait: string): Choice =>
      new Choice(what, trait, signal, (value) => actions.set(trait, value));
    this.#show = choice("Map", "show");
    this.#below = choice("Map below", "below");
    this.#order = choice("Order of the amino acids", "order");
    this.toolbar = element(
      "div",
      { class: "plm-toolbar" },
      element("span", { class: "plm-title" }, "Substitutions"),
      this.#show.node,
      element("label", { class: "plm-group plm-muted" }, "and", this.#below.node),
      element("span", { class: "plm-spring" }),
      element("label", { class: "plm-group plm-muted" }, "Rows by", this.#order.node),
      element(
        "span",
        { class: "plm-group" },
        button("−", "Zoom out", () => actions.zoom(1 / 1.5)),
        button("+", "Zoom in", () => actions.zoom(1.5)),
        button("Reset", "Reset zoom", () => actions.reset()),
      ),
    );
    this.legend = element(
      "div",
      { class: "mut-legend plm-muted" },
      this.#scales,
      element("label", { class: "plm-group" }, "Scale", this.#slider),
      element(
        "span",
        { class: "plm-item" },
        element("span", { class: "mut-dot", "aria-hidden": "true" }),
        "wild type",
      ),
      element(
        "span",
        { class: "plm-item" },
        element("span", { class: "plm-hatch", "aria-hidden": "true" }),
        "no value",
      ),
      element("span", {}, "Click a cell to substitute, click it again to take it back."),
    );
    this.status = element("div", { class: "mut-status plm-muted" }, this.#run, this.#told);
    const limit = (): number => (this.#most * Number(this.#slider.value)) / STEPS;
    this.#slider.addEventListener("input", () => actions.limit(limit(), false), { signal });
    this.#slider.addEventListener("change", () => actions.limit(limit(), true), { signal });
    // To the limits that follow from the values.
    this.#slider.addEventListener("dblclick", () => actions.limit(null, true), { signal });
    this.#run.addEventListener(
      "click",
      () => {
        const about = this.#about;
        const running = about?.progress?.status === "running";
        if (about) this.#actions.run(running ? "pause" : "start", about.name);
      },
      { signal },
    );
  }

  draw(model: ViewModel, maps: readonly ScoreMap[]): void {
    const options = model.get("options") as Options;
    this.#show.draw(options, String(model.get("show")));
    this.#below.draw([["", "no other map"], ...options], String(model.get("below")));
    this.#order.draw(ORDERS, String(model.get("order")));
    const scored = maps.filter((map) => map.scored);
    this.#slider.disabled = scored.length === 0;
    this.#most = Math.max(
      LEAST,
      ...scored.map(({ largest, limits }) => Math.max(largest, limits[1])),
    );
    this.#about = maps.find(({ progress }) => progress && progress.status !== "finished") ?? null;
    const progress = this.#about?.progress;
    this.#run.hidden = !progress;
    this.#run.textContent =
      progress?.status === "running" ? "Pause" : progress?.done ? "Resume" : "Compute";
    const about = this.#about ? `${this.#about.label}: ${progress?.text ?? ""}` : "";
    if (this.#told.textContent !== about) this.#told.textContent = about;
  }

  /** Show the scales that the maps are painted by. */
  scale(maps: readonly ScoreMap[], limit: number | null): void {
    const shown = maps.filter((map, k) => maps.findIndex((m) => m.unit === map.unit) === k);
    const said = JSON.stringify(shown.map((map) => [map.kind, map.unit, map.scale(limit)]));
    if (this.#scales.dataset.said === said) return;
    this.#scales.dataset.said = said;
    this.#scales.replaceChildren(
      ...shown.map((map) => {
        const [low, high] = map.scale(limit);
        return element(
          "span",
          { class: "plm-item" },
          formatLimit(low),
          ramp(map.kind),
          `${formatLimit(high)} ${map.unit}`,
        );
      }),
    );
    const scored = maps.find((map) => map.scored);
    if (scored) {
      const at = Math.round((scored.scale(limit)[1] / this.#most) * STEPS);
      this.#slider.value = String(Math.max(1, Math.min(STEPS, at)));
    }
  }
}
