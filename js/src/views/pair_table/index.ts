/** The contacts that one map finds and another misses: a click on a row selects the pair. */
import { Choice, named } from "../../core/choice";
import { element } from "../../core/elements";
import { formatCount } from "../../core/format";
import { save } from "../../core/model";
import { defineView, type View, type ViewContext } from "../../core/view";
import css from "./pair_table.css";
import { type Column, cellOf, clicked, columnsOf, FIRST, isPair, type Row, sorted } from "./rows";

/** More rows than anyone reads would only slow the page down. */
const MOST = 500;

class PairTable implements View {
  #context: ViewContext;
  #host: HTMLElement;
  #foundBy: Choice;
  #butNot: Choice;
  #top: Choice;
  #contactsOnly = element("input", { type: "checkbox" });
  #count = element("div", { class: "plm-muted", role: "status" });
  #table = element("table", { role: "grid" });
  #frame = element("div", { class: "pairs-frame" }, this.#table);
  #order = FIRST;
  /** What the table was made of. */
  #made: readonly unknown[] = [];
  #rows: Row[] = [];
  #lines: HTMLTableRowElement[] = [];
  /** The row that the Tab key reaches. */
  #current = 0;

  constructor(context: ViewContext) {
    this.#context = context;
    const { model, root, signal } = context;
    this.#host = context.host;
    const choice = (what: string, trait: string) =>
      new Choice(what, trait, signal, (value) => save(model, { [trait]: value }));
    this.#foundBy = choice("Map that finds the pairs", "found_by");
    this.#butNot = choice("Map that misses them", "but_not");
    this.#top = choice("How many pairs are a map's best", "top");
    this.#contactsOnly.addEventListener(
      "change",
      () => save(model, { contacts_only: this.#contactsOnly.checked }),
      { signal },
    );
    this.#table.setAttribute("aria-label", "Pairs; a click or Enter selects one");
    const part = (text: string, node: HTMLElement) =>
      element("label", { class: "plm-group" }, text, node);
    root.append(
      element(
        "div",
        { class: "plm-toolbar" },
        element("span", { class: "plm-title" }, "Pairs"),
        part("found by", this.#foundBy.node),
        part("but not by", this.#butNot.node),
        part("among the best", this.#top.node),
        element("span", { class: "plm-spring" }),
        element("label", { class: "plm-group plm-muted" }, this.#contactsOnly, "contacts only"),
      ),
      this.#count,
      this.#frame,
    );
    this.#listen(signal);
  }

  draw(): void {
    const { model } = this.#context;
    const maps = model.get("maps") as string[];
    const [foundBy, butNot] = [String(model.get("found_by")), String(model.get("but_not"))];
    const mixed = model.get("contacts_only") !== true;
    const options = named(maps);
    this.#foundBy.draw(options, foundBy);
    this.#butNot.draw([["", "(any)"], ...options], butNot);
    this.#top.draw(named(model.get("tops") as string[]), String(model.get("top")));
    this.#contactsOnly.checked = !mixed;
    const rows = model.get("rows") as Row[];
    this.#count.textContent = counted(rows.length, foundBy, butNot, mixed);
    this.#frame.hidden = rows.length === 0;
    const made = [rows, this.#order, foundBy, butNot, mixed];
    if (made.some((part, k) => part !== this.#made[k])) {
      this.#made = made;
      this.#fill(rows, columnsOf(rows, butNot !== "", mixed), foundBy, butNot);
    }
    this.#mark();
  }

  hover(): void {
    const { hover } = this.#context.selection;
    for (const [k, line] of this.#lines.entries()) {
      line.classList.toggle("is-pointed", isPair(this.#rows[k] as Row, hover));
    }
  }

  /** Make the table anew; the row in reach of the keys stays in reach. */
  #fill(rows: readonly Row[], columns: Column[], foundBy: string, butNot: string): void {
    const focused = this.#lines.includes(focusIn(this.#table) as HTMLTableRowElement);
    this.#rows = sorted(rows, this.#order).slice(0, MOST);
    const names: Record<Column, string> = {
      i: "residue",
      j: "residue",
      apart: "|i − j|",
      rank: `rank in ${foundBy}`,
      other: `rank in ${butNot}`,
      distance: "CB distance (Å)",
      contact: "contact",
    };
    const heads = columns.map((column) => {
      const told = { type: "button", "data-column": column, title: names[column] };
      const button = element("button", told, names[column]);
      const head = element("th", { scope: "col" }, button);
      const { column: by, descending } = this.#order;
      head.ariaSort = by !== column ? "none" : descending ? "descending" : "ascending";
      return head;
    });
    this.#lines = this.#rows.map((row) => {
      const cells = columns.map((column) => element("td", {}, this.#text(row, column)));
      const label = `${this.#text(row, "i")} · ${this.#text(row, "j")}, rank ${row[2]}`;
      return element("tr", { tabindex: -1, "aria-label": label }, ...cells);
    });
    this.#table.replaceChildren(
      element("thead", {}, element("tr", {}, ...heads)),
      element("tbody", {}, ...this.#lines),
    );
    const { pair } = this.#context.selection.state;
    const chosen = this.#rows.findIndex((row) => isPair(row, pair));
    this.#reach(Math.max(0, chosen));
    if (focused) this.#lines[this.#current]?.focus();
  }

  #text(row: Row, column: Column): string {
    const { labels } = this.#context.protein;
    const value = cellOf(row, column);
    if (column === "i" || column === "j") return labels[value ?? -1] ?? "";
    if (column === "contact") return value ? "yes" : "no";
    if (value === null) return "–";
    return column === "distance" ? value.toFixed(1) : formatCount(value);
  }

  /** Show which row is the selected pair. */
  #mark(): void {
    const { pair } = this.#context.selection.state;
    for (const [k, line] of this.#lines.entries()) {
      line.ariaSelected = String(isPair(this.#rows[k] as Row, pair));
    }
    this.#host.dataset.rows = String(this.#rows.length);
  }

  #select(k: number): void {
    const row = this.#rows[k];
    if (!row) return;
    this.#reach(k);
    this.#context.selection.selectPair(row[0], row[1]);
  }

  #pointAt(row: Row | null): void {
    this.#context.selection.setHover(row ? [row[0], row[1]] : []);
  }

  /** Put one row in reach of the Tab key. */
  #reach(k: number): void {
    this.#lines[this.#current]?.setAttribute("tabindex", "-1");
    this.#lines[k]?.setAttribute("tabindex", "0");
    this.#current = k;
  }

  #listen(signal: AbortSignal): void {
    const on = <K extends keyof HTMLElementEventMap>(
      name: K,
      react: (event: HTMLElementEventMap[K]) => void,
    ): void => this.#table.addEventListener(name, react, { signal });
    on("click", (event) => {
      const head = (event.target as Element).closest<HTMLElement>("[data-column]");
      if (head) this.#sort(head.dataset.column as Column);
      else this.#select(this.#lineAt(event));
    });
    on("focusin", (event) => {
      const k = this.#lineAt(event);
      if (k >= 0) this.#reach(k);
    });
    on("pointerover", (event) => this.#pointAt(this.#rows[this.#lineAt(event)] ?? null));
    on("pointerleave", () => this.#pointAt(null));
    on("keydown", (event) => this.#step(event));
  }

  /** The row that an event happened in; -1 for the head. */
  #lineAt(event: Event): number {
    const line = (event.target as Element).closest<HTMLTableRowElement>("tbody tr");
    return line ? this.#lines.indexOf(line) : -1;
  }

  #sort(column: Column): void {
    this.#order = clicked(this.#order, column);
    this.draw();
    this.hover();
    this.#table.querySelector<HTMLElement>(`[data-column=${column}]`)?.focus();
  }

  /** Up and down, Home and End move among the rows; Enter and Space select one. */
  #step(event: KeyboardEvent): void {
    if (this.#lineAt(event) < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const last = this.#lines.length - 1;
    const to: Record<string, number> = {
      ArrowUp: this.#current - 1,
      ArrowDown: this.#current + 1,
      Home: 0,
      End: last,
    };
    const next = to[event.key];
    if (event.key === "Enter" || event.key === " ") this.#select(this.#current);
    else if (next === undefined) return;
    else {
      const k = Math.max(0, Math.min(last, next));
      this.#lines[k]?.focus();
      this.#pointAt(this.#rows[k] ?? null);
    }
    event.preventDefault();
    event.stopPropagation();
  }
}

function counted(count: number, foundBy: string, butNot: string, mixed: boolean): string {
  const what = mixed ? "pair" : "contact";
  if (count === 0) {
    return butNot === ""
      ? `${foundBy} has no ${what} among its best pairs.`
      : `${foundBy} has no ${what} among its best pairs that ${butNot} has not.`;
  }
  const cut = count > MOST ? `; the first ${MOST} are listed` : "";
  return `${formatCount(count)} ${what}${count === 1 ? "" : "s"}${cut}`;
}

function focusIn(node: Element): Element | null {
  return (node.getRootNode() as ShadowRoot).activeElement;
}

export default defineView({
  name: "pair_table",
  label: "Pairs of maps",
  css,
  traits: ["maps", "tops", "found_by", "but_not", "top", "contacts_only", "rows"],
  create: (context) => new PairTable(context),
});
