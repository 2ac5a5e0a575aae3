/**
 * What anywidget loads for every single widget, and a page never forgets: so it is small. The
 * view's own bundle comes as a trait and is loaded once for all widgets of a page.
 */

interface Bundle {
  default: { render(given: Given): Promise<() => void> };
}

interface Given {
  model: { get(name: string): unknown };
  el: HTMLElement;
  signal?: AbortSignal;
}

const BUNDLES = Symbol.for("plmwidgets.bundles");

function load(text: string): Promise<Bundle> {
  const page = globalThis as { [BUNDLES]?: Map<string, Promise<Bundle>> };
  page[BUNDLES] ??= new Map();
  const bundles = page[BUNDLES];
  const known = bundles.get(text);
  if (known) return known;
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const bundle: Promise<Bundle> = import(address).finally(() => URL.revokeObjectURL(address));
  bundles.set(text, bundle);
  bundle.catch(() => bundles.delete(text)); // the next widget may have more luck
  return bundle;
}

export default {
  async render(given: Given): Promise<() => void> {
    const bundle = await load(String(given.model.get("_bundle")));
    return bundle.default.render(given);
  },
};
