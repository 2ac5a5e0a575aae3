/** Where the pointer is in a view that is shown larger than it was laid out. */

interface Point {
  x: number;
  y: number;
}

/** Pixels of the window for one CSS pixel of the element: presenter mode and some hosts zoom. */
export function magnification(node: HTMLElement): number {
  const laidOut = node.offsetWidth;
  return laidOut > 0 ? node.getBoundingClientRect().width / laidOut || 1 : 1;
}

/** A point of the window in CSS pixels from an element's top left corner. */
export function placeIn(node: HTMLElement, clientX: number, clientY: number): Point {
  const box = node.getBoundingClientRect();
  const scale = magnification(node);
  return { x: (clientX - box.left) / scale, y: (clientY - box.top) / scale };
}

/** Pixels of the screen for one CSS pixel of the element, for sharp canvases. */
export function pixelRatio(node: HTMLElement): number {
  return (globalThis.devicePixelRatio || 1) * magnification(node);
}
