/** The protein as wrapped rows of residues: click, drag or type to mask and substitute. */
import { type ArrayEnvelope, decodeArray } from "../../core/arrays";
import { moveFocus, positionOf } from "../../core/blocks";
import blocksCss from "../../core/blocks.css";
import type { Options } from "../../core/choice";
import type { ScaleKind } from "../../core/colour";
import { valueText } from "../../core/format";
import { save } from "../../core/model";
import { ShownModel } from "../../core/shown_model";
import { LETTERS, substituted } from "../../core/substitutions";
import { Tooltip } from "../../core/tooltip";
import { defineView, type View, type ViewContext } from "../../core/view";
import { applyDrag, type Drag, inverted } from "./gestures";
import { Residues, type Scale } from "./residues";
import css from "./strip.css";
import { Toolbar } from "./toolbar";

const CHEMISTRY_OPTION = ["chemistry", "Chemistry"] as const;

export default defineView({
  name: "sequence_strip",
  label: "Sequence",
  css: blocksCss + css,
  traits: [
    "values",
    "value_label",
    "value_range",
    "value_kind",
    "value_classes",
    "has_structure",
    "colour_by",
    "colour_options",
    "pending",
    "notice",
  ],
  create,
});

function create({ model, root, host, signal, protein, selection }: ViewContext): View {
  const residues = new Residues(protein);
  const list = residues.list.node;
  const length = protein.sequence.length;
  let drag: Drag | null = null;
  /** Where the next shift-click starts its range. */
  let anchor: number | null = null;
  let scale: Scale | null = null;

  const clear = () => selection.change({ masked: [], substitutions: [], pair: null });
  const toolbar = new Toolbar(
    protein.name,
    new ShownModel(model, "Whose numbers colour the residues", signal).node,
    {
      maskText: (text) => model.send({ type: "mask_text", text }),
      maskRandom: (percent) => model.send({ type: "mask_random", percent }),
      maskAround: (radius) => model.send({ type: "mask_around", radius }),
      invert: () => selection.setMasked(inverted(selection.state.masked, length)),
      clear,
      undo: () => selection.undo(),
      redo: () => selection.redo(),
      colourBy: (colour_by) => save(model, { colour_by }),
    },
    signal,
  );
  root.append(toolbar.root, list);
  const tooltip = new Tooltip(root);

  const substitute = (position: number, letter: string | null) =>
    selection.change({
      substitutions: substituted(
        selection.state.substitutions,
        position,
        letter,
        protein.sequence[position],
      ),
      focus: position,
    });

  const describeAt = (position: number): string => {
    const lines = [protein.labels[position] ?? ""];
    const replaced = selection.state.substitutions.find(([other]) => other === position);
    if (replaced) lines[0] += ` → ${replaced[1]}`;
    if (selection.state.masked.includes(position)) lines[0] += "  masked";
    if (scale)
      lines.push(
        `${scale.label}: ${valueText(scale.values[position] ?? Number.NaN, scale.classes)}`,
      );
    return lines.join("\n");
  };

  const at = (event: PointerEvent): number | null =>
    positionOf((root.getRootNode() as ShadowRoot).elementFromPoint(event.clientX, event.clientY));

  list.addEventListener(
    "pointerdown",
    (event) => {
      const position = positionOf(event.target as Element);
      if (position === null || event.button !== 0) return;
      if (event.shiftKey) {
        event.preventDefault(); // no text selection
        list.focus({ preventScroll: true });
        const from = anchor ?? selection.state.focus ?? position;
        const range = applyDrag(selection.state.masked, { from, to: position, mask: true });
        selection.setMasked(range, position);
        return;
      }
      drag = { from: position, to: position, mask: !selection.state.masked.includes(position) };
      list.setPointerCapture(event.pointerId);
      redraw();
    },
    { signal },
  );
  list.addEventListener(
    "pointermove",
    (event) => {
      const position = at(event);
      if (position !== null) {
        selection.setHover([position]);
        tooltip.show(describeAt(position), event.clientX, event.clientY);
        if (drag && drag.to !== position) {
          drag.to = position;
          redraw();
        }
      } else if (!drag) {
        selection.setHover([]);
        tooltip.hide();
      }
    },
    { signal },
  );
  list.addEventListener(
    "pointerup",
    () => {
      if (!drag) return;
      const done = drag;
      drag = null;
      anchor = done.from;
      if (done.from === done.to) selection.toggleMask(done.to);
      else selection.setMasked(applyDrag(selection.state.masked, done), done.to);
    },
    { signal },
  );
  const abandon = () => {
    drag = null;
    redraw();
  };
  list.addEventListener("pointercancel", abandon, { signal });
  list.addEventListener(
    "pointerleave",
    () => {
      selection.setHover([]);
      tooltip.hide();
    },
    { signal },
  );

  list.addEventListener(
    "keydown",
    (event) => {
      const { focus } = selection.state;
      const command = event.ctrlKey || event.metaKey;
      const letter = event.key.toUpperCase();
      const next = command ? null : moveFocus(event.key, focus, length, residues.list.perRow);
      if (command && letter === "Z") event.shiftKey ? selection.redo() : selection.undo();
      else if (command && letter === "Y") selection.redo();
      else if (command || event.altKey) return;
      else if (next !== null) {
        selection.change({ focus: next });
        residues.list.reveal(next);
      } else if (event.key === "Escape") drag ? abandon() : clear();
      else if (focus === null) return;
      else if (event.key === " ") {
        anchor = focus;
        selection.toggleMask(focus);
      } else if (event.key === "Backspace" || event.key === "Delete") substitute(focus, null);
      else if (letter.length === 1 && LETTERS.includes(letter)) substitute(focus, letter);
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
    { signal },
  );

  function readScale(): Scale | null {
    const values = model.get("values") as ArrayEnvelope | null;
    const [low, high] = model.get("value_range") as [number?, number?];
    if (!values || low === undefined || high === undefined) return null;
    return {
      values: decodeArray(values).values,
      label: String(model.get("value_label")),
      kind: model.get("value_kind") as ScaleKind,
      low,
      high,
      classes: (model.get("value_classes") as string[] | undefined) ?? [],
    };
  }

  function redraw(): void {
    const { state } = selection;
    const colourBy = String(model.get("colour_by"));
    const chemistry = colourBy === "chemistry";
    const offered = model.get("colour_options") as Options;
    const options = offered.some(([name]) => name === "chemistry")
      ? offered
      : [CHEMISTRY_OPTION, ...offered];
    scale = chemistry ? null : readScale();
    residues.draw(state, chemistry ? null : (scale ?? undefined), drag);
    toolbar.count(length, state);
    toolbar.draw(colourBy, options, scale);
    const pending = Boolean(model.get("pending")) && !chemistry;
    toolbar.status(pending, String(model.get("notice")), model.get("has_structure") === true);
    list.ariaBusy = String(pending);
  }

  // At once, not with the next frame: what has been clicked is masked.
  const announce = () => {
    host.dataset.masked = selection.state.masked.join(",");
  };
  announce();
  selection.onState(announce);

  return {
    draw: redraw,
    hover: () => residues.list.hover(selection.hover),
  };
}
