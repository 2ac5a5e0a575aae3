/** A line or two of text at the pointer, kept inside the view so that no host can clip it. */
import { element } from "./elements";
import { magnification, placeIn } from "./place";

const GAP = 14;

export class Tooltip {
  #root: HTMLElement;
  #box = element("div", { class: "plm-tooltip", role: "tooltip", hidden: true });

  constructor(root: HTMLElement) {
    this.#root = root;
    root.append(this.#box);
  }

  /** Show text near a point of the window, on the side where there is room. */
  show(text: string, clientX: number, clientY: number): void {
    const box = this.#box;
    if (box.textContent !== text) box.textContent = text;
    box.hidden = false;
    const { x, y } = placeIn(this.#root, clientX, clientY);
    const room = this.#root.clientWidth;
    const below = y - GAP - box.offsetHeight < 0;
    box.style.left = `${Math.max(0, Math.min(x + GAP, room - box.offsetWidth))}px`;
    box.style.top = `${below ? y + GAP : y - GAP - box.offsetHeight}px`;
  }

  /** Show text near a point of an element, in CSS pixels from its corner: where keys have led. */
  showIn(node: HTMLElement, text: string, x: number, y: number): void {
    const box = node.getBoundingClientRect();
    const scale = magnification(node);
    this.show(text, box.left + scale * x, box.top + scale * y);
  }

  hide(): void {
    this.#box.hidden = true;
  }
}
