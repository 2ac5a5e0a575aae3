/** The protein as a bar: what is hidden, what is shown, and the segments to drag. */
import { element, prepareCanvas } from "../../core/elements";
import type { ProteinInfo } from "../../core/model";
import { placeIn } from "../../core/place";
import type { Theme } from "../../core/theme";
import { residueTicks } from "../../core/ticks";
import { moved, type Segment, stepped, stretched } from "./geometry";

const HEIGHT = 30;
const AXIS = 16;
/** Pixels from an end of a segment where a drag moves that end. */
const GRIP = 7;

/** What a residue is at a flank length, as Python says. */
const SHOWN = 1;
const INSIDE = 2;

export class Bar {
  readonly node: HTMLElement;
  #protein: ProteinInfo;
  #canvas = element("canvas", { "aria-hidden": "true", class: "recovery-track" });
  #handles: HTMLElement[] = [];
  #segments: readonly Segment[] = [];
  #change: (which: number, segment: Segment) => void;
  #signal: AbortSignal;

  constructor(
    protein: ProteinInfo,
    signal: AbortSignal,
    change: (which: number, segment: Segment) => void,
  ) {
    this.#protein = protein;
    this.#change = change;
    this.#signal = signal;
    this.node = element("div", { class: "recovery-bar" }, this.#canvas);
    this.node.addEventListener(
      "pointerdown",
      (event) => {
        // Beside all segments: the nearest one comes here.
        if (event.target !== this.#canvas || event.button !== 0) return;
        const at = this.#residue(event);
        const apart = this.#segments.map(([start, stop]) => Math.abs((start + stop) / 2 - at));
        const which = apart.indexOf(Math.min(...apart));
        const segment = this.#segments[which];
        if (!segment) return;
        const [start, stop] = segment;
        const by = Math.round(at - (start + stop) / 2);
        change(which, moved(segment, by, protein.sequence.length));
      },
      { signal },
    );
  }

  draw(segments: readonly Segment[], roles: ArrayLike<number> | null, theme: Theme): void {
    this.#segments = segments;
    while (this.#handles.length < segments.length) this.#addHandle(this.#handles.length);
    for (const extra of this.#handles.splice(segments.length)) extra.remove();
    const { length } = this.#protein.sequence;
    for (const [k, [start, stop]] of segments.entries()) {
      const handle = this.#handles[k];
      if (!handle) continue;
      handle.style.left = `${(100 * start) / length}%`;
      handle.style.width = `${(100 * (stop - start)) / length}%`;
      handle.ariaLabel = segments.length > 1 ? `Segment ${k + 1} of 2` : "Segment";
      handle.ariaValueNow = String(start + 1);
      handle.ariaValueMax = String(length);
      handle.ariaValueText = `${this.#ends(start, stop)}, ${stop - start} residues`;
      handle.title = `${handle.ariaValueText}: drag it, or its ends`;
    }
    this.#paint(roles, theme);
  }

  #ends(start: number, stop: number): string {
    const { labels } = this.#protein;
    return `${labels[start] ?? ""} to ${labels[stop - 1] ?? ""}`;
  }

  #addHandle(which: number): void {
    const handle = element("div", {
      class: "recovery-segment",
      role: "slider",
      tabindex: 0,
      "aria-valuemin": 1,
    });
    const { length } = this.#protein.sequence;
    const signal = this.#signal;
    let drag: { mode: "move" | "start" | "stop"; from: number; segment: Segment } | null = null;
    handle.addEventListener(
      "pointerdown",
      (event) => {
        const segment = this.#segments[which];
        if (!segment || event.button !== 0) return;
        const x = placeIn(handle, event.clientX, event.clientY).x;
        const room = Math.min(GRIP, handle.offsetWidth / 4);
        const mode = x < room ? "start" : x > handle.offsetWidth - room ? "stop" : "move";
        drag = { mode, from: this.#residue(event), segment };
        handle.setPointerCapture(event.pointerId);
      },
      { signal },
    );
    handle.addEventListener(
      "pointermove",
      (event) => {
        const x = placeIn(handle, event.clientX, event.clientY).x;
        const room = Math.min(GRIP, handle.offsetWidth / 4);
        handle.style.cursor = x < room || x > handle.offsetWidth - room ? "ew-resize" : "grab";
        if (!drag) return;
        const by = Math.round(this.#residue(event) - drag.from);
        const { mode, segment } = drag;
        const next =
          mode === "move"
            ? moved(segment, by, length)
            : stretched(segment, mode, segment[mode === "start" ? 0 : 1] + by, length);
        if (next.join() !== this.#segments[which]?.join()) this.#change(which, next);
      },
      { signal },
    );
    const end = (): void => {
      drag = null;
    };
    handle.addEventListener("pointerup", end, { signal });
    handle.addEventListener("pointercancel", end, { signal });
    handle.addEventListener(
      "keydown",
      (event) => {
        const segment = this.#segments[which];
        if (!segment || event.ctrlKey || event.metaKey || event.altKey) return;
        const next = stepped(segment, event.key, event.shiftKey, length);
        if (!next) return;
        event.preventDefault();
        event.stopPropagation();
        this.#change(which, next);
      },
      { signal },
    );
    this.#handles.push(handle);
    this.node.append(handle);
  }

  /** The residue under the pointer, with its fraction. */
  #residue(event: PointerEvent): number {
    const { x } = placeIn(this.node, event.clientX, event.clientY);
    return (x / Math.max(1, this.node.offsetWidth)) * this.#protein.sequence.length;
  }

  #paint(roles: ArrayLike<number> | null, theme: Theme): void {
    const width = this.node.clientWidth;
    const { labels, sequence } = this.#protein;
    const context = prepareCanvas(this.#canvas, width, HEIGHT + AXIS);
    const x = (i: number): number => (i / sequence.length) * width;
    context.clearRect(0, 0, width, HEIGHT + AXIS);
    context.fillStyle = theme.line;
    context.globalAlpha = 0.55;
    context.fillRect(0, 8, width, HEIGHT - 16);
    context.globalAlpha = 1;
    context.fillStyle = theme.accent;
    for (let i = 0; roles && i < roles.length; i += 1) {
      if (roles[i] === SHOWN || roles[i] === INSIDE) {
        // Half a pixel more, so that neighbours join.
        context.fillRect(x(i), 8, x(i + 1) - x(i) + 0.5, HEIGHT - 16);
      }
    }
    context.fillStyle = theme.muted;
    context.font = `11px ${theme.font}`;
    context.textBaseline = "top";
    context.textAlign = "center";
    const last = sequence.length - 1;
    for (const { position, text } of residueTicks(labels, 0, last, width / sequence.length)) {
      const middle = x(position + 0.5);
      context.fillRect(middle, HEIGHT - 6, 1, 4);
      // The first and the last number may be wider than what is left of the canvas.
      const half = context.measureText(text).width / 2;
      context.fillText(text, Math.max(half, Math.min(width - half, middle)), HEIGHT + 1);
    }
  }
}
