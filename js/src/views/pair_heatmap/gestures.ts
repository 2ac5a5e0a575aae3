/** Pointer, wheel and keys on the map. */
import { type Keyed, pressed, zoomByWheel } from "../../core/map_gestures";
import { placeIn } from "../../core/place";
import type { Cell } from "./window";

/** In CSS pixels of the canvas. */
export interface Point {
  x: number;
  y: number;
}

/** What the gestures ask of the view. */
export interface Target extends Keyed {
  cellAt(x: number, y: number): Cell | null;
  point(at: Point | null): void;
  click(cell: Cell): void;
  zoomed(): boolean;
  pan(dx: number, dy: number): void;
  /** Whether a region may be asked for. */
  scanning(): boolean;
  /** Draw a region from one point to another; null puts it away. */
  brush(between: readonly [Point, Point] | null): void;
  /** Ask for the region that is drawn. */
  release(): void;
  /** Ask for the region in sight. */
  prioritise(): void;
}

const CLICK_SLACK = 4;

export function listen(canvas: HTMLCanvasElement, signal: AbortSignal, target: Target): void {
  let down: (Point & { moved: boolean; brush: boolean }) | null = null;
  let last: Point = { x: 0, y: 0 };
  const place = (event: MouseEvent) => placeIn(canvas, event.clientX, event.clientY);
  const on = <K extends keyof HTMLElementEventMap>(
    name: K,
    react: (event: HTMLElementEventMap[K]) => void,
  ): void => canvas.addEventListener(name, react, { signal });

  on("pointerdown", (event) => {
    if (event.button !== 0) return;
    last = place(event);
    down = { ...last, moved: false, brush: event.shiftKey && target.scanning() };
    // A region may begin at the edge and leave the map with the first move.
    if (down.brush) canvas.setPointerCapture(event.pointerId);
  });
  on("mousedown", (event) => {
    if (!event.shiftKey) return;
    // Else the page's text would be selected up to here.
    event.preventDefault();
    canvas.focus({ preventScroll: true });
  });
  on("pointermove", (event) => {
    const at = place(event);
    if (down && Math.hypot(at.x - down.x, at.y - down.y) >= CLICK_SLACK) {
      if (!down.moved) canvas.setPointerCapture(event.pointerId);
      down.moved = true;
    }
    if (down?.moved && down.brush) {
      target.point(null);
      target.brush([down, at]);
    } else if (down?.moved && target.zoomed()) {
      target.point(null);
      target.pan(at.x - last.x, at.y - last.y);
    } else if (event.pointerType !== "touch") target.point(at);
    if (!down || down.moved) last = at;
  });
  on("pointerup", (event) => {
    const at = place(event);
    const cell = down && !down.moved ? target.cellAt(at.x, at.y) : null;
    const brushed = down?.moved && down.brush;
    down = null;
    if (cell) target.click(cell);
    if (brushed) target.release();
  });
  const giveUp = () => {
    down = null;
    target.brush(null);
  };
  on("pointercancel", giveUp);
  on("pointerleave", () => target.point(null));
  on("dblclick", () => target.reset());
  zoomByWheel(canvas, signal, target);
  on("keydown", (event) => {
    if (event.altKey || event.metaKey || event.ctrlKey) return;
    if (event.key === "Escape" && down?.brush) giveUp();
    else if (event.key === "p") target.prioritise();
    else if (!pressed(event, canvas, target)) return;
    event.preventDefault();
    event.stopPropagation();
  });
}
