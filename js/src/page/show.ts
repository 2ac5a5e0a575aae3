/** Puts what is recorded into a page: an explorer with a stand-in for Python, or views as they stood. */
import { element } from "../core/elements";
import type { ViewModel } from "../core/model";
import { header } from "./frame";
import { isPacked, unpackExactly, unpackText } from "./packing";
import { PlainModel } from "./plain_model";
import type { ExplorerRecord, StillRecord } from "./record";
import { StandIn } from "./stand_in";

interface Bundle {
  default: { render(given: { model: ViewModel; el: HTMLElement }): Promise<unknown> };
}

const STILL = "A picture of how it stood when this page was made; in the notebook it can be used.";
const PARTLY_STILL =
  "Its steps can be played here; all else is a picture of how it stood when this page was made.";
const NEEDS_MODEL = "That asks the model: open the notebook.";

/** The code of the views, each part of it read once. */
export class Code {
  #bundles: Record<string, string>;
  #read = new Map<string, Promise<Bundle>>();

  constructor(bundles: Record<string, string>) {
    this.#bundles = bundles;
  }

  async render(name: string, model: ViewModel, el: HTMLElement): Promise<void> {
    const reading = this.#read.get(name) ?? this.#import(name);
    this.#read.set(name, reading);
    const view = await reading;
    await view.default.render({ model, el });
  }

  async #import(name: string): Promise<Bundle> {
    const code = await unpackText(this.#bundles[name] ?? "");
    const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    const view = (await import(address)) as Bundle;
    URL.revokeObjectURL(address);
    return view;
  }
}

/** The linked views of an explorer, under what is said of them. */
export async function showExplorer(
  record: ExplorerRecord,
  page: HTMLElement,
  code: Code,
  titled: boolean,
): Promise<void> {
  const standIn = await StandIn.of(record);
  const { labels } = standIn.protein;
  const views = element(titled ? "main" : "div", { class: "views" });
  const top = header(record, labels, titled, (context) =>
    standIn.show(context, context.masked[0] ?? null),
  );
  page.append(top, views);
  const places = Object.keys(record.views).map((name) => {
    const place = element("section", { class: name });
    views.append(place);
    return [name, place] as const;
  });
  // One after the other: what comes first can be used while the large 3D engine is still read.
  for (const [name, el] of places) {
    const model = standIn.models.get(name);
    if (model) await code.render(name, model, el);
  }
}

/** Views by themselves. What a click would need Python for is no longer there: they take none. */
export async function showStill(
  { still }: StillRecord,
  page: HTMLElement,
  code: Code,
): Promise<void> {
  const views = element("div", { class: "views" });
  const pictures = still.filter(({ usable }) => !usable).length;
  const note = pictures === still.length ? STILL : PARTLY_STILL;
  if (pictures > 0) page.append(element("p", { class: "facts" }, note));
  page.append(views);
  for (const { name, traits, usable } of still) {
    const place = element("section", {
      class: still.length > 1 ? name : "only",
      inert: !usable,
    });
    views.append(place);
    const model = new PlainModel((await unpackAll(traits)) as Record<string, unknown>);
    model.onSend = (message) => {
      if ((message as { type?: string }).type !== "nudge") model.receive({ notice: NEEDS_MODEL });
    };
    await code.render(name, model, place);
  }
}

/** The same with all arrays in it as the views read them. */
async function unpackAll(value: unknown): Promise<unknown> {
  if (isPacked(value)) return unpackExactly(value);
  if (Array.isArray(value)) return Promise.all(value.map(unpackAll));
  if (typeof value !== "object" || value === null) return value;
  const parts = Object.entries(value).map(async ([name, part]) => [name, await unpackAll(part)]);
  return Object.fromEntries(await Promise.all(parts));
}
