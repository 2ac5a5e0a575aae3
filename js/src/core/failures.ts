/** Errors that a view's own listeners throw: browsers tell the window of them, not the person. */

/** The events after which what fails is of the view that they happened in. */
const GESTURES = ["pointerdown", "pointermove", "pointerup", "wheel", "keydown", "input", "change"];
const LATEST = Symbol.for("plmwidgets.latest-gesture");

/** Call back with each error of this bundle that follows from a gesture in `root`. */
export function onFailure(
  root: HTMLElement,
  signal: AbortSignal,
  report: (error: unknown) => void,
): void {
  // Other views of the page are other bundles, or further views of this one.
  const page = globalThis as { [LATEST]?: HTMLElement };
  for (const name of GESTURES) {
    const note = (): void => {
      page[LATEST] = root;
    };
    root.addEventListener(name, note, { capture: true, passive: true, signal });
  }
  const hear = (error: unknown): void => {
    const own = error instanceof Error && error.stack?.includes(import.meta.url);
    if (own && page[LATEST] === root) report(error);
  };
  window.addEventListener("error", (event) => hear(event.error), { signal });
  window.addEventListener("unhandledrejection", (event) => hear(event.reason), { signal });
}
