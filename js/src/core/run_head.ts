/** The head of a panel about work in the background: what it is, how it is, and its buttons. */
import { greetKernel } from "./answers";
import { element } from "./elements";
import { onTrait } from "./model";
import { type Command, commands, type Run, reassurance, TITLES } from "./run";
import type { ViewContext } from "./view";

/** A second click within this time is a double click, not a second wish. */
const IMPATIENCE_MS = 1000;

/** Running work without news for so long may have lost its kernel: ask. */
const SILENCE_MS = 15_000;

const PRIMARY: readonly Command[] = ["start", "resume"];

export class RunHead {
  readonly node: HTMLElement;
  /** What went wrong, and what has become of the results; below all else. */
  readonly message = element("div", { class: "run-message" });
  #context: ViewContext;
  #title = element("span", { class: "plm-title" });
  #status = element("span", { class: "run-status", role: "status" });
  #buttons: readonly (readonly [Command, HTMLButtonElement])[];
  #sentAt = Number.NEGATIVE_INFINITY;

  /** `trait` has the state of the work; `words` are those of the buttons. */
  constructor(context: ViewContext, trait: string, words: Partial<Record<Command, string>>) {
    this.#context = context;
    const { model, signal } = context;
    this.#buttons = (Object.entries(words) as [Command, string][]).map(([command, text]) => {
      const node = element("button", { type: "button", "data-command": command }, text);
      node.classList.toggle("plm-primary", PRIMARY.includes(command));
      node.addEventListener("click", () => this.#send(command), { signal });
      return [command, node];
    });
    this.node = element(
      "div",
      { class: "run-head" },
      this.#title,
      this.#status,
      element("span", { class: "plm-spring" }),
      element("div", { class: "plm-group" }, ...this.#buttons.map(([, node]) => node)),
    );
    let silence: ReturnType<typeof setTimeout> | undefined;
    const listen = (): void => {
      clearTimeout(silence);
      if (signal.aborted || (model.get(trait) as Run).status !== "running") return;
      silence = setTimeout(() => greetKernel(model), SILENCE_MS);
    };
    onTrait(model, [trait, "answered"], signal, listen);
    signal.addEventListener("abort", () => clearTimeout(silence), { once: true });
    listen();
  }

  draw(run: Run): void {
    const { root, host } = this.#context;
    // Another status: the wish has been heard.
    if (root.dataset.status !== run.status) this.#sentAt = Number.NEGATIVE_INFINITY;
    root.dataset.status = run.status;
    this.#title.textContent = run.title;
    this.#status.textContent = TITLES[run.status];
    const offered = commands(run);
    for (const [command, node] of this.#buttons) node.hidden = !offered.includes(command);
    const words = [run.message, reassurance(run)].filter((text) => text !== "");
    this.message.textContent = words.join("\n");
    this.message.hidden = words.length === 0;
    host.dataset.status = run.status;
    host.dataset.done = String(run.done);
  }

  #send(command: Command): void {
    if (performance.now() - this.#sentAt < IMPATIENCE_MS) return;
    this.#sentAt = performance.now();
    this.#context.model.send({ type: command });
  }
}
