/** What every substitution would do: a column a residue, a row an amino acid. */
import { CellImage } from "../../core/cell_image";
import { type Cell, CellLink } from "../../core/cells";
import { element } from "../../core/elements";
import { formatValue } from "../../core/format";
import { coalesce } from "../../core/frames";
import { save } from "../../core/model";
import { toggled } from "../../core/substitutions";
import { readTheme } from "../../core/theme";
import { Tooltip } from "../../core/tooltip";
import { defineView, type View, type ViewContext } from "../../core/view";
import { Controls } from "./controls";
import { drawMaps, type Pointed } from "./drawing";
import { listen, type Target } from "./gestures";
import {
  clampCell,
  clampScroll,
  firstCell,
  GUTTER,
  leftOf,
  placeAt,
  ROW,
  ROWS,
  reveal,
  type Sight,
  topOf,
  zoomAt,
} from "./layout";
import { type MapTrait, ScoreMap } from "./maps";
import css from "./mutation_heatmap.css";

class MutationHeatmap implements View, Target {
  #context: ViewContext;
  #host: HTMLElement;
  #length: number;
  #alphabet: string;
  #chemistry: string;
  #controls: Controls;
  #cells: CellLink;
  #tooltip: Tooltip;
  #canvas = element("canvas", { class: "mut-canvas", role: "img", tabindex: 0 });
  #spacer = element("div", {}, this.#canvas);
  #scroller = element("div", { class: "mut-scroll" }, this.#spacer);
  #announcer = element("div", { class: "plm-announcer", "aria-live": "polite" });
  #trait: unknown = null;
  #maps: ScoreMap[] = [];
  #images = [new CellImage(), new CellImage()];
  #sight: Sight = { width: 0, cell: 0, scroll: 0 };
  #zoomed = false;
  #pointed: Pointed | null = null;
  /** The cell that the arrow keys move. */
  #cursor: Pointed | null = null;
  /** The limit while its slider is dragged: the picture follows before Python has answered. */
  #limit: number | null = null;
  #order: { letters: string; columns: readonly number[] } = { letters: "", columns: [] };
  #paintSoon: () => void;

  constructor(context: ViewContext) {
    this.#context = context;
    const { model, root, signal, protein } = context;
    this.#host = context.host;
    this.#length = protein.sequence.length;
    this.#alphabet = String(model.get("letters"));
    this.#chemistry = String(model.get("chemistry_order"));
    this.#controls = new Controls(signal, {
      set: (name, value) => save(model, { [name]: value }),
      limit: (limit, done) => {
        this.#limit = limit;
        if (done) save(model, { limit });
        else this.#paintSoon();
      },
      zoom: (factor) => this.zoom(this.#sight.width / 2, 0, factor),
      reset: () => this.reset(),
      run: (type, name) => model.send({ type, name }),
    });
    this.#canvas.ariaLabel = `Scores of all substitutions of ${protein.name}`;
    this.#canvas.setAttribute(
      "aria-description",
      "Arrow keys move, Enter makes a substitution or takes it back, plus and minus zoom, 0 resets",
    );
    root.append(
      this.#controls.toolbar,
      this.#scroller,
      this.#controls.legend,
      this.#controls.status,
      this.#announcer,
    );
    this.#tooltip = new Tooltip(root);
    this.#paintSoon = coalesce(signal, () => this.#paint());
    this.#cells = new CellLink(String(model.get("selection_id")), signal, this.#paintSoon);
    this.#scroller.addEventListener(
      "scroll",
      () => {
        if (this.#scroller.scrollLeft === Math.round(this.#sight.scroll)) return;
        this.#sight = { ...this.#sight, scroll: this.#scroller.scrollLeft };
        this.#paintSoon();
      },
      { signal, passive: true },
    );
    listen(this.#canvas, signal, this);
  }

  draw(): void {
    const { model } = this.#context;
    const trait = model.get("maps");
    if (trait !== this.#trait) {
      this.#trait = trait;
      this.#maps = (trait as MapTrait[]).map((map) => new ScoreMap(map, this.#length));
    }
    this.#limit = model.get("limit") as number | null;
    this.#controls.draw(model, this.#maps);
    this.#layOut(this.#scroller.clientWidth);
    this.#paint();
    this.#host.dataset.maps = this.#maps.map(({ name }) => name).join(",");
    this.#host.dataset.known = this.#maps.map(({ known }) => known).join(",");
    const { substitutions } = this.#context.selection.state;
    this.#host.dataset.substitutions = substitutions.map(([i, a]) => `${i}${a}`).join(",");
  }

  hover(): void {
    this.#paintSoon();
  }

  // What the gestures ask

  point(at: { x: number; y: number; clientX: number; clientY: number } | null): void {
    const place = at && placeAt(this.#sight, at.x, at.y, this.#length, this.#maps.length);
    if (!place || !at) {
      if (this.#pointed) this.#tell(null);
      return;
    }
    this.#tell(place);
    this.#tooltip.show(this.#describe(place), at.clientX, at.clientY);
  }

  click(x: number, y: number): void {
    const place = placeAt(this.#sight, x, y, this.#length, this.#maps.length);
    if (place) this.#substitute(place);
  }

  zoom(x: number, _y: number, factor: number): boolean {
    const next = zoomAt(this.#sight, x, factor, this.#length);
    if (next.cell === this.#sight.cell) return false;
    this.#zoomed = true;
    this.#look(next);
    return true;
  }

  reset(): void {
    this.#zoomed = false;
    const { width } = this.#sight;
    this.#look({ width, cell: firstCell(width, this.#length), scroll: 0 });
  }

  step(rows: number, columns: number): void {
    const { focus } = this.#context.selection.state;
    const from = this.#cursor ?? { position: (focus ?? 0) - columns, row: -rows };
    const within = (value: number, count: number) => Math.max(0, Math.min(count - 1, value));
    this.#cursor = {
      position: within(from.position + columns, this.#length),
      row: within(from.row + rows, ROWS),
    };
    const next = reveal(this.#sight, this.#cursor.position, this.#length);
    if (next.scroll !== this.#sight.scroll) this.#look(next);
    this.#tell(this.#cursor);
    const x = leftOf(this.#sight, this.#cursor.position) + this.#sight.cell;
    const y = topOf(0) + ROW * this.#cursor.row;
    const text = this.#describe(this.#cursor);
    this.#tooltip.showIn(this.#canvas, text, x, y);
    this.#announcer.textContent = text;
  }

  enter(): void {
    if (this.#cursor) this.#substitute(this.#cursor);
  }

  escape(): void {
    this.#cursor = null;
    this.#tell(null);
  }

  // What follows

  #substitute({ position, row }: Pointed): void {
    const { selection, protein } = this.#context;
    const cell = this.#cellOf({ position, row });
    const substitutions = toggled(selection.state.substitutions, [cell], protein.sequence);
    selection.change({ substitutions, focus: position });
  }

  #tell(pointed: Pointed | null): void {
    this.#pointed = pointed;
    if (!pointed) this.#tooltip.hide();
    this.#cells.point(pointed ? [this.#cellOf(pointed)] : []);
    this.#context.selection.setHover(pointed ? [pointed.position] : []);
    this.#paintSoon();
  }

  #cellOf({ position, row }: Pointed): Cell {
    return [position, this.#shown[row] ?? ""];
  }

  #describe({ position, row }: Pointed): string {
    const { protein, selection } = this.#context;
    const letter = this.#shown[row] ?? "";
    const column = this.#alphabet.indexOf(letter);
    const made = selection.state.substitutions.some(([i, a]) => i === position && a === letter);
    const own = protein.sequence[position] === letter;
    const label = protein.labels[position] ?? "";
    const name = own ? `${label}, wild type` : `${label} → ${letter}${made ? ", made" : ""}`;
    return [
      name,
      ...this.#maps.map((map) => {
        const value = map.at(position, column);
        return `${map.label}: ${Number.isFinite(value) ? formatValue(value) : "unknown"}`;
      }),
    ].join("\n");
  }

  get #shown(): string {
    return this.#context.model.get("order") === "alphabet" ? this.#alphabet : this.#chemistry;
  }

  #layOut(width: number): void {
    const cell = this.#zoomed
      ? clampCell(this.#sight.cell, width, this.#length)
      : firstCell(width, this.#length);
    const sight = { ...this.#sight, width, cell };
    this.#look({ ...sight, scroll: clampScroll(sight, this.#length) }, false);
  }

  #look(sight: Sight, paint = true): void {
    this.#sight = sight;
    this.#spacer.style.width = `${Math.ceil(GUTTER + sight.cell * this.#length)}px`;
    if (this.#scroller.scrollLeft !== Math.round(sight.scroll)) {
      this.#scroller.scrollLeft = Math.round(sight.scroll);
    }
    if (paint) this.#paintSoon();
  }

  #paint(): void {
    const { protein, selection, root } = this.#context;
    if (this.#maps.length === 0 || this.#sight.width <= GUTTER) return;
    const letters = this.#shown;
    const order = this.#columns(letters);
    this.#maps.forEach((map, k) => {
      const [low, high] = map.scale(this.#limit);
      this.#images[k]?.paint(
        [map, order, this.#limit],
        this.#length,
        ROWS,
        { kind: map.kind, low, high },
        (position, row) => map.at(position, order[row] ?? 0),
      );
    });
    const rowOf = ([position, letter]: Cell): Pointed => ({
      position,
      row: letters.indexOf(letter),
    });
    drawMaps(this.#canvas, {
      protein,
      maps: this.#maps,
      images: this.#images,
      sight: { ...this.#sight, width: Math.min(this.#sight.width, this.#spacer.clientWidth) },
      letters,
      order,
      limit: this.#limit,
      state: selection.state,
      hover: selection.hover,
      pointed: this.#cells.cells.map(rowOf),
      theme: readTheme(root),
    });
    this.#canvas.dataset.cell = String(this.#sight.cell);
    this.#canvas.dataset.scroll = String(this.#sight.scroll);
    this.#canvas.dataset.pointed = this.#cells.cells.map(([i, a]) => `${i}${a}`).join(",");
    this.#controls.scale(this.#maps, this.#limit);
  }

  /** The same array as long as the order is the same, by which pictures are known. */
  #columns(letters: string): readonly number[] {
    if (this.#order.letters !== letters) {
      const columns = [...letters].map((letter) => this.#alphabet.indexOf(letter));
      this.#order = { letters, columns };
    }
    return this.#order.columns;
  }
}

export default defineView({
  name: "mutation_heatmap",
  label: "Substitutions",
  css,
  traits: ["maps", "show", "below", "order", "limit", "options"],
  create: (context) => new MutationHeatmap(context),
});
