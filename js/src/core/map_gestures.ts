/** The wheel and the keys on a map of cells, the same on every map. */
import { placeIn } from "./place";
import { whenWheelIsMeant } from "./wheel";

/** What the keys ask of a map. */
export interface Keyed {
  /** Move the keyboard's cell by so many rows and columns. */
  step(rows: number, columns: number): void;
  /** Click the keyboard's cell. */
  enter(): void;
  /** Put the keyboard's cell away. */
  escape(): void;
  /** About a point in CSS pixels of the map; returns false when there is nothing left to zoom. */
  zoom(x: number, y: number, factor: number): boolean;
  reset(): void;
}

const STEPS: Record<string, readonly [rows: number, columns: number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};
/** How far an arrow key goes with Shift. */
const STRIDE = 10;
const ZOOMS: Record<string, number> = { "+": 1.4, "=": 1.4, "-": 1 / 1.4 };

/** By how many rows and columns an arrow key moves; null for other keys. */
export function arrowStep({
  key,
  shiftKey,
}: KeyboardEvent): [rows: number, columns: number] | null {
  const stride = shiftKey ? STRIDE : 1;
  const [rows, columns] = STEPS[key] ?? [];
  return rows === undefined || columns === undefined ? null : [stride * rows, stride * columns];
}

/** Do what a key means on a map; false where it means nothing there. */
export function pressed(event: KeyboardEvent, canvas: HTMLElement, map: Keyed): boolean {
  const step = arrowStep(event);
  const zoom = ZOOMS[event.key];
  if (step) map.step(...step);
  else if (zoom) map.zoom(canvas.clientWidth / 2, canvas.clientHeight / 2, zoom);
  else if (event.key === "Enter" || event.key === " ") map.enter();
  else if (event.key === "Escape") map.escape();
  else if (event.key === "0") map.reset();
  else return false;
  return true;
}

/** By how much a turn of the wheel zooms. */
export function zoomFactor({ deltaY, deltaMode, ctrlKey }: WheelEvent): number {
  const lines = deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
  // A pinch on a touchpad comes as a wheel with Ctrl, in smaller steps.
  const delta = Math.max(-120, Math.min(120, deltaY * lines * (ctrlKey ? 6 : 1)));
  return Math.exp(-delta * 0.0022);
}

/** Zoom by the wheel where it is meant for the map; what `passes` is left to the page. */
export function zoomByWheel(
  canvas: HTMLElement,
  signal: AbortSignal,
  map: Keyed,
  passes: (event: WheelEvent) => boolean = () => false,
): void {
  let meant = false;
  whenWheelIsMeant(canvas, signal, (now) => {
    meant = now;
  });
  canvas.addEventListener(
    "wheel",
    (event) => {
      if (passes(event) || (!meant && !event.ctrlKey)) return;
      const { x, y } = placeIn(canvas, event.clientX, event.clientY);
      // Where there is nothing left to zoom, the page scrolls on.
      if (map.zoom(x, y, zoomFactor(event))) event.preventDefault();
    },
    { signal, passive: false },
  );
}
