/** What the model believes now: bars for the residues of interest, a profile of them all. */
import { Choice, type Options } from "../../core/choice";
import { CHEMISTRY_CSS } from "../../core/colour";
import { element } from "../../core/elements";
import { formatValue } from "../../core/format";
import { afterFrame } from "../../core/frames";
import { save } from "../../core/model";
import { Notice } from "../../core/notice";
import { ShownModel } from "../../core/shown_model";
import { readTheme } from "../../core/theme";
import { Tooltip } from "../../core/tooltip";
import { defineView, type View, type ViewContext } from "../../core/view";
import { Card } from "./card";
import css from "./distributions.css";
import { cardLegend, DifferenceLegend, profileLegend } from "./legend";
import { axisTop, cardPositions, History, type PredictionTrait } from "./prediction";
import { Profile } from "./profile";

/** More cards than this wait behind a button. */
const FIRST_CARDS = 24;

const ORDERS: Options = [
  ["alphabet", "alphabet"],
  ["chemistry", "chemistry"],
];
const STYLES: Options = [
  ["heat", "heat map"],
  ["logo", "logo"],
];

export default defineView({
  name: "distributions",
  label: "Distributions",
  css: css + CHEMISTRY_CSS,
  traits: ["prediction", "order", "profile", "pending", "notice", "models", "shown"],
  create,
});

function create({ model, root, host, signal, protein, selection }: ViewContext): View {
  const letters = [...(model.get("letters") as Iterable<string>)].join("");
  const chemistry = [...(model.get("chemistry_order") as Iterable<string>)];
  const orders: Record<string, readonly number[]> = {
    alphabet: [...letters].map((_, a) => a),
    chemistry: chemistry.map((letter) => letters.indexOf(letter)),
  };
  const history = new History();
  const cards = new Map<number, Card>();
  let order: readonly number[] = [];
  let showAll = false;
  let pointed: Card | null = null;

  const busy = element("div", { class: "plm-busy" });
  const stale = element("span", { class: "dist-stale" }, "for the previous masks");
  /** Of a page without a kernel. */
  const notice = new Notice("remark");
  const grid = element("div", { class: "dist-cards" });
  const empty = element("div", { class: "dist-empty plm-muted" });
  const more = element("button", { type: "button", class: "dist-more" });
  const orderChoice = new Choice("Order of the amino acids", "order", signal, (order) =>
    save(model, { order }),
  );
  const styleChoice = new Choice("Drawing of the whole protein", "profile", signal, (profile) =>
    save(model, { profile }),
  );
  const heatLegend = profileLegend();
  const differenceLegend = new DifferenceLegend();
  const shown = new ShownModel(model, "Whose probabilities the whole protein is drawn of", signal);
  const profile = new Profile(protein, signal);
  root.append(
    element(
      "div",
      { class: "plm-toolbar" },
      element("span", { class: "plm-title" }, "Distributions"),
      stale,
      element("span", { class: "plm-spring" }),
      cardLegend(String(model.get("reference_name") ?? "")),
      element("label", { class: "plm-muted" }, "Order ", orderChoice.node),
    ),
    busy,
    notice.node,
    grid,
    empty,
    more,
    element(
      "div",
      { class: "plm-toolbar dist-profile-bar" },
      element("span", { class: "plm-title" }, "Whole protein"),
      element("span", { class: "plm-spring" }),
      heatLegend,
      differenceLegend.node,
      shown.node,
      styleChoice.node,
    ),
    profile.root,
  );
  const tooltip = new Tooltip(root);
  const drawProfileLater = afterFrame(signal, drawProfile);

  more.addEventListener(
    "click",
    () => {
      showAll = !showAll;
      draw();
    },
    { signal },
  );

  const cardOf = (target: EventTarget | null): Card | null => {
    const node = (target as Element | null)?.closest<HTMLElement>("[data-card]");
    return node ? (cards.get(Number(node.dataset.card)) ?? null) : null;
  };
  const leave = () => {
    pointed?.point(null);
    pointed = null;
    selection.setHover([]);
    tooltip.hide();
  };
  grid.addEventListener(
    "click",
    (event) => {
      const card = cardOf(event.target);
      const button = (event.target as Element).closest("button");
      if (!card || !button) return;
      if (button.classList.contains("dist-chip")) selection.toggleMask(card.position);
      else selection.change({ focus: card.position });
    },
    { signal },
  );
  grid.addEventListener(
    "pointermove",
    (event) => {
      const card = cardOf(event.target);
      if (!card) return leave();
      if (card !== pointed) pointed?.point(null);
      pointed = card;
      selection.setHover([card.position]);
      const column = card.columnAt(event.clientX, event.clientY);
      card.point(column);
      if (column === null) tooltip.hide();
      else tooltip.show(describe(card.position, column), event.clientX, event.clientY);
    },
    { signal },
  );
  grid.addEventListener("pointerleave", leave, { signal });

  const { scroller } = profile;
  scroller.addEventListener(
    "pointermove",
    (event) => {
      const cell = profile.at(event.clientX, event.clientY);
      if (!cell) return leave();
      selection.setHover([cell.position]);
      const row = cell.row >= 0 && cell.row < 20 ? cell.row : null;
      tooltip.show(describe(cell.position, row), event.clientX, event.clientY);
    },
    { signal },
  );
  scroller.addEventListener("pointerleave", leave, { signal });
  scroller.addEventListener(
    "click",
    (event) => {
      const cell = profile.at(event.clientX, event.clientY);
      if (cell) selection.change({ focus: cell.position });
    },
    { signal },
  );
  scroller.addEventListener(
    "keydown",
    (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      const next = (selection.state.focus ?? -step) + step;
      const last = protein.sequence.length - 1;
      selection.change({ focus: Math.max(0, Math.min(last, next)) });
    },
    { signal },
  );

  /** Tooltip of a residue, and of one of its letters. */
  function describe(position: number, column: number | null): string {
    const lines = [protein.labels[position] ?? ""];
    const a = column === null ? undefined : order[column];
    const value = a === undefined ? undefined : history.current?.at(position)[a];
    if (a !== undefined && value !== undefined) {
      const own = letters[a] === protein.sequence[position] ? "  (wild type)" : "";
      lines.push(`p(${letters[a]}) = ${formatValue(value)}${own}`);
      const before = history.previous?.at(position)[a];
      const whose = String(model.get("reference_name") || "before");
      if (before !== undefined) lines.push(`${whose}: ${formatValue(before)}`);
      const difference = history.difference?.at(position)[a];
      if (difference !== undefined) lines.push(`difference: ${formatValue(difference)}`);
    }
    return lines.join("\n");
  }

  function drawCards(positions: readonly number[]): void {
    for (const position of [...cards.keys()]) {
      if (!positions.includes(position)) cards.delete(position);
    }
    const shown = positions.map((position) => {
      const card = cards.get(position) ?? new Card(position);
      cards.set(position, card);
      return card;
    });
    if (shown.length !== grid.children.length || shown.some((c, k) => c.root !== grid.children[k]))
      grid.replaceChildren(...shown.map((card) => card.root));
    grid.classList.toggle("is-few", shown.length <= 3);

    const { state } = selection;
    const masked = new Set(state.masked);
    const replaced = new Map(state.substitutions);
    const { current, previous } = history;
    let largest = 0;
    for (const position of positions) {
      for (const p of [current?.known(position), previous?.known(position)]) {
        if (p) largest = Math.max(largest, ...p);
      }
    }
    for (const card of shown) {
      const { position } = card;
      card.draw({
        label: protein.labels[position] ?? "",
        wildType: protein.sequence[position],
        replacement: replaced.get(position),
        masked: masked.has(position),
        focus: position === state.focus,
        p: current?.known(position) ?? null,
        ghost: (current && previous?.known(position)) ?? null,
        axis: axisTop(largest),
        order,
        letters,
      });
    }
  }

  /** The bars, which a person who masks looks at, and a frame later all the rest. */
  function draw(): void {
    const { state } = selection;
    history.take(model.get("prediction") as PredictionTrait | null);
    const { current, previous } = history;
    const pending = Boolean(model.get("pending"));
    const told = String(model.get("notice") ?? "");
    notice.say(told);
    root.classList.toggle("is-unknown", told !== "" && current === null);
    const name = String(model.get("order"));
    order = orders[name] ?? orders.alphabet ?? [];
    orderChoice.draw(ORDERS, name);

    const all = cardPositions(state);
    const positions = showAll ? all : all.slice(0, FIRST_CARDS);
    drawCards(positions);
    empty.hidden = all.length > 0;
    empty.textContent = "Mask a residue to see its distribution";
    more.hidden = all.length <= FIRST_CARDS;
    more.textContent = showAll ? `Show the first ${FIRST_CARDS}` : `Show all ${all.length}`;
    root.classList.toggle("has-ghost", previous !== null);
    root.classList.toggle("is-stale", current !== null && !current.isFor(state));
    busy.classList.toggle("is-on", pending);
    root.ariaBusy = String(pending);
    host.dataset.positions = positions.join(",");
    host.dataset.context = current?.masked.join(",") ?? "";
    host.dataset.updates = String(history.updates);
    if (host.dataset.profile === undefined) drawProfile();
    else drawProfileLater();
  }

  function drawProfile(): void {
    const theme = readTheme(root);
    const room = profile.measure();
    const which = shown.index;
    const ofBoth = which === 2;
    const prediction = [history.previous, history.current, history.difference][which] ?? null;
    const limit = ofBoth ? Math.max(prediction?.size ?? 0, 1e-6) : null;
    const style = model.get("profile") === "logo" && !ofBoth ? "logo" : "heat";
    styleChoice.draw(STYLES, style);
    styleChoice.node.disabled = ofBoth;
    if (ofBoth) styleChoice.node.title = "A difference has no logo";
    heatLegend.hidden = style === "logo" || ofBoth;
    differenceLegend.node.hidden = !ofBoth;
    if (limit !== null) differenceLegend.draw(limit);
    profile.draw(
      {
        style,
        prediction,
        limit,
        state: selection.state,
        hover: selection.hover,
        order,
        letters,
        theme,
      },
      room,
    );
    host.dataset.profile = style;
    host.dataset.shown = String(model.get("shown") ?? "");
  }

  return {
    draw,
    hover() {
      const pointedAt = new Set(selection.hover);
      for (const card of cards.values())
        card.root.classList.toggle("is-hover", pointedAt.has(card.position));
      profile.hover(selection.hover);
    },
  };
}
