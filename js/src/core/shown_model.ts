/** Which of two models a view shows, or their difference; nothing in a view of one model. */
import { Choice, named } from "./choice";
import { element } from "./elements";
import { onTrait, save, type ViewModel } from "./model";

export class ShownModel {
  readonly node: HTMLElement;
  #model: ViewModel;
  #choice: Choice;

  constructor(model: ViewModel, what: string, signal: AbortSignal) {
    this.#model = model;
    this.#choice = new Choice(what, "shown-model", signal, (shown) => save(model, { shown }));
    this.node = element("label", { class: "plm-shown plm-muted" }, "Model ", this.#choice.node);
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
    this.#choice.draw(named(names), String(this.#model.get("shown") ?? ""));
  }
}
