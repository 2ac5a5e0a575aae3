/**
 * Whether anyone answers. A page outlives its kernel: hosts show that poorly or not at all, and a
 * view whose clicks go nowhere must say so itself.
 *
 * Python counts in the trait `answered` what it has heard of a view. Without that trait, as in an
 * offline page, nothing is asked that a kernel should answer.
 */
import { onTrait, type ViewModel } from "./model";

/** A busy kernel is given this long before anything is said. */
export const PATIENCE_MS = 6000;

export const NO_ANSWER =
  "No answer from the kernel for some seconds. If it is busy, this view goes on when it is free; " +
  "if it was restarted or is gone, run the cell again.";

/** Traits and messages that no one waits for. */
const IDLE = new Set(["hover", "nudge"]);

/**
 * The model for a view, watched: `tell` hears NO_ANSWER when a gesture gets no answer in time, and
 * an empty text with the next answer.
 */
export function watchAnswers(
  model: ViewModel,
  signal: AbortSignal,
  tell: (text: string) => void,
): ViewModel {
  if (typeof model.get("answered") !== "number") return model;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let meant = false;
  const ask = (): void => {
    timer ??= setTimeout(() => tell(NO_ANSWER), PATIENCE_MS);
  };
  const hear = (): void => {
    clearTimeout(timer);
    timer = undefined;
    tell("");
  };
  /** Where the line is closed nobody hears: that is no failure of the gesture. */
  const pass = (act: () => void): void => {
    try {
      act();
    } catch (error) {
      console.warn(error);
      ask();
    }
  };
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  onTrait(model, "answered", signal, hear);
  const watched: ViewModel = {
    get: (name) => model.get(name),
    set: (name, value) => {
      if (!IDLE.has(name)) meant = true;
      model.set(name, value);
    },
    save_changes: () => {
      if (meant) ask();
      meant = false;
      pass(() => model.save_changes());
    },
    send: (message) => {
      if (!IDLE.has(String((message as { type?: unknown }).type))) ask();
      pass(() => model.send(message));
    },
    on: (event, callback) => model.on(event, callback),
    off: (event, callback) => model.off(event, callback),
  };
  // Jupyter says so when a kernel is restarted or comes back: see whether it still knows this view.
  const greet = (): void => greetKernel(watched);
  model.on("comm_live_update", greet);
  signal.addEventListener("abort", () => model.off("comm_live_update", greet), { once: true });
  return watched;
}

/** Say something that needs no other answer than that it was heard. */
export function greetKernel(model: ViewModel): void {
  model.send({ type: "hello" });
}
