/** Which of two models a view shows, or their difference; nothing in a view of one model. */
import { element } from "./elements";
import { onTrait, type ViewModel } from "./model";

export class ShownModel {
  readonly node: HTMLElement;
  #model: ViewModel;
  #select: HTMLSelectElement;

  constructor(model: ViewModel, what: string, signal: AbortSignal) {
    this.#model = model;
    this.#select = element("select", { "aria-label": what, "data-control": "shown-model" });
    this.node = element("label", { class: "plm-shown plm-muted" }, "Model ", this.#select);
    this.#select.addEventListener(
      "change",
      () => {
        model.set("shown", this.#select.value);
        model.save_changes();
      },
      { signal },
    );
    onTrait(model, ["models", "shown"], signal, () => this.#draw());
    this.#draw();
  }

  /** The reference, the model and the difference; empty in a view of one model. */
  get names(): readonly string[] {
    return (this.#model.get("models") as string[] | null) ?? [];
  }

  /** Whether it is the reference (0), the model (1) or the difference (2). */
  get index(): number {
    return this.names.length === 0 ? 1 : this.names.indexOf(String(this.#model.get("shown")));
  }

  #draw(): void {
    const { names } = this;
    this.node.hidden = names.length === 0;
    if (names.length !== this.#select.options.length) {
      this.#select.replaceChildren(
        ...names.map((name) => element("option", { value: name }, name)),
      );
    }
    this.#select.value = String(this.#model.get("shown") ?? "");
  }
}
