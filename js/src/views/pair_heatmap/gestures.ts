/** Pointer, wheel and keys on the map. */
import { placeIn } from "../../core/place";
import { whenWheelIsMeant } from "../../core/wheel";
import type { Cell } from "./window";

/** In CSS pixels of the canvas. */
export interface Point {
  x: number;
  y: number;
}

/** What the gestures ask of the view. */
export interface Target {
  cellAt(x: number, y: number): Cell | null;
  point(at: Point | null): void;
  click(cell: Cell): void;
  zoomed(): boolean;
  /** Returns false when there is nothing left to zoom. */
  zoom(x: number, y: number, factor: number): boolean;
  pan(dx: number, dy: number): void;
  reset(): void;
  /** Move the keyboard's cell by so many rows and columns. */
  step(rows: number, columns: number): void;
  /** Click the keyboard's cell. */
  enter(): void;
  /** Put the keyboard's cell away. */
  escape(): void;
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
const STEPS: Record<string, readonly [number, number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

export function listen(canvas: HTMLCanvasElement, signal: AbortSignal, target: Target): void {
  let down: (Point & { moved: boolean; brush: boolean }) | null = null;
  let last: Point = { x: 0, y: 0 };
  let wheelIsMeant = false;
  whenWheelIsMeant(canvas, signal, (meant) => {
    wheelIsMeant = meant;
  });
  const place = (event: MouseEvent) => placeIn(canvas, event.clientX, event.clientY);
  const on = <K extends keyof HTMLElementEventMap>(
    name: K,
    react: (event: HTMLElementEventMap[K]) => void,
  ): void => canvas.addEventListener(name, react, { signal, passive: false });

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
  on("wheel", (event) => {
    if (!wheelIsMeant && !event.ctrlKey) return;
    const { x, y } = place(event);
    // A pinch on a touchpad comes as a wheel with Ctrl, in smaller steps.
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    const delta = Math.max(-120, Math.min(120, event.deltaY * lines * (event.ctrlKey ? 6 : 1)));
    // Fully zoomed out, the page scrolls on.
    if (target.zoom(x, y, Math.exp(-delta * 0.0022))) event.preventDefault();
  });
  on("keydown", (event) => {
    if (event.altKey || event.metaKey || event.ctrlKey) return;
    const step = STEPS[event.key];
    const { clientWidth, clientHeight } = canvas;
    if (step)
      target.step(...((event.shiftKey ? step.map((k) => 10 * k) : step) as [number, number]));
    else if (event.key === "Enter" || event.key === " ") target.enter();
    else if (event.key === "Escape" && down?.brush) giveUp();
    else if (event.key === "Escape") target.escape();
    else if (event.key === "p") target.prioritise();
    else if (event.key === "+" || event.key === "=")
      target.zoom(clientWidth / 2, clientHeight / 2, 1.4);
    else if (event.key === "-") target.zoom(clientWidth / 2, clientHeight / 2, 1 / 1.4);
    else if (event.key === "0") target.reset();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}
