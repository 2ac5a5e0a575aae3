/** What stands around the views: what the page is, what is recorded, whose code it carries. */
import { element } from "../core/elements";
import { unpackText } from "./packing";
import type { Context, ExplorerRecord } from "./record";

const NAMED = 6;

/** What stands above the views; `go` is called with the recorded masks that a person chooses. */
export function header(
  { made, facts, contexts }: ExplorerRecord,
  labels: readonly string[],
  titled: boolean,
  go: (context: Context) => void,
): HTMLElement {
  const node = element(
    "header",
    {},
    ...(titled ? [element("h1", {}, made.name)] : []),
    element(
      "p",
      { class: "made" },
      `${titled ? "" : `${made.name} · `}model ${made.model} · ${labels.length} residues · ${made.date} · plmwidgets ${made.version}`,
    ),
    element(
      "p",
      {},
      "Click residues to hide them from the model and see what it believes belongs there; click " +
        "a cell of the map to hide a pair. All views follow each other, with no network and no " +
        "notebook.",
    ),
    ...facts.map((fact) => element("p", { class: "facts" }, fact)),
  );
  // Those without masks or with a single one are a click away.
  const listed = contexts.filter(([masked, replaced]) => masked.length > 1 || replaced.length > 0);
  if (listed.length > 0) node.append(menu(listed, labels, go));
  return node;
}

function menu(
  contexts: ExplorerRecord["contexts"],
  labels: readonly string[],
  go: (context: Context) => void,
): HTMLElement {
  const select = element(
    "select",
    {},
    element("option", { value: "" }, "choose"),
    ...contexts.map((context, k) => element("option", { value: k }, describe(context, labels))),
  );
  select.addEventListener("change", () => {
    const [masked, substitutions] = contexts[Number(select.value)] ?? [];
    if (select.value !== "" && masked && substitutions) go({ masked, substitutions });
    select.value = "";
  });
  return element("label", { class: "recorded" }, "Go to recorded masks ", select);
}

/** "A3, V12, L20 and 4 more; K5W" */
export function describe(
  [masked, substitutions]: ExplorerRecord["contexts"][number],
  labels: readonly string[],
): string {
  const some = masked.slice(0, NAMED).map((i) => labels[i] ?? "");
  const rest = masked.length - some.length;
  const hidden = some.join(", ") + (rest > 0 ? ` and ${rest} more` : "");
  const replaced = substitutions.map(([i, letter]) => `${labels[i]}${letter}`).join(", ");
  return [hidden, replaced].filter((part) => part !== "").join("; ");
}

export function footer(licences: string): HTMLElement {
  const text = element("pre");
  const details = element(
    "details",
    {},
    element("summary", {}, "Licences of the code in this page"),
    text,
  );
  details.addEventListener(
    "toggle",
    async () => {
      text.textContent = await unpackText(licences);
    },
    { once: true },
  );
  return element("footer", {}, details);
}
