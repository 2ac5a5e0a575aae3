/** Shows what is recorded in this page: the views, with a stand-in for Python behind them. */
import { element } from "../core/elements";
import type { ViewModel } from "../core/model";
import { footer, header } from "./frame";
import { unpackText } from "./packing";
import css from "./page.css";
import type { PageRecord } from "./record";
import { StandIn } from "./stand_in";

interface Bundle {
  default: { render(given: { model: ViewModel; el: HTMLElement }): Promise<unknown> };
}

async function show(record: PageRecord): Promise<void> {
  const page = await StandIn.of(record);
  const { labels } = page.protein;
  const main = element("main");
  const top = header(record, labels, (context) => page.show(context, context.masked[0] ?? null));
  document.body.append(top, main, footer(record));
  const places = Object.keys(record.views).map((name) => {
    const place = element("section", { class: name });
    main.append(place);
    return [name, place] as const;
  });
  // One after the other: what comes first can be used while the large 3D engine is still read.
  for (const [name, el] of places) {
    const model = page.models.get(name);
    if (!model) continue;
    const code = new Blob([await unpackText(record.bundles[name] ?? "")], {
      type: "text/javascript",
    });
    const address = URL.createObjectURL(code);
    const view = (await import(address)) as Bundle;
    URL.revokeObjectURL(address);
    await view.default.render({ model, el });
  }
  document.body.dataset.ready = "true";
}

async function start(): Promise<void> {
  document.head.append(element("style", {}, css));
  try {
    const text = document.getElementById("plm-record")?.textContent ?? "";
    const record = JSON.parse(text) as PageRecord;
    document.title = `${record.made.name}, ${record.made.model}`;
    await show(record);
  } catch (error) {
    console.error(error);
    const old = typeof DecompressionStream === "undefined";
    const advice = old
      ? "This browser is too old for this page: use Firefox 113, Chrome 80, Safari 16.4 or newer."
      : `This page could not be shown: ${error instanceof Error ? error.message : error}`;
    document.body.append(element("p", { role: "alert" }, advice));
  }
}

void start();
