/** Shows what is recorded in this page: one explorer, or the parts of a notebook. */
import { element } from "../core/elements";
import { footer } from "./frame";
import css from "./page.css";
import type { NotebookRecord, PageRecord } from "./record";
import { Code, showExplorer, showStill } from "./show";

async function show(record: PageRecord): Promise<void> {
  document.title = `${record.made.name}, ${record.made.model}`;
  const place = document.body.appendChild(element("div"));
  document.body.append(footer(record.licences));
  await showExplorer(record, place, new Code(record.bundles), true);
}

/** The text of a notebook is in the page already, with places for its views. */
async function fill({ parts, bundles, licences }: NotebookRecord): Promise<void> {
  document.body.append(footer(licences));
  const code = new Code(bundles);
  const places = [...document.querySelectorAll<HTMLElement>("[data-part]")];
  for (const place of places) {
    const part = parts[Number(place.dataset.part)];
    if (!part) continue;
    if ("still" in part) await showStill(part, place, code);
    else await showExplorer(part, place, code, false);
  }
}

async function start(): Promise<void> {
  document.head.append(element("style", {}, css));
  try {
    const text = document.getElementById("plm-record")?.textContent ?? "";
    const record = JSON.parse(text) as PageRecord | NotebookRecord;
    await ("parts" in record ? fill(record) : show(record));
    document.body.dataset.ready = "true";
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
