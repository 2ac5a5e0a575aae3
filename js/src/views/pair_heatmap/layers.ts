/** One canvas in two layers: the map, and what is drawn over it again and again. */
import { element, prepareCanvas } from "../../core/elements";
import { pixelRatio } from "../../core/place";

export class Layers {
  readonly canvas = element("canvas", { tabindex: 0, role: "application" });
  /** The map without the pointer, so that hovering only copies it. */
  #ground = new OffscreenCanvas(1, 1);

  /** A context in CSS pixels to draw the map with; it shows at the next call of `over`. */
  ground(width: number, height: number): OffscreenCanvasRenderingContext2D {
    const ratio = pixelRatio(this.canvas);
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== across || this.canvas.height !== down) {
      prepareCanvas(this.canvas, width, height);
      this.#ground.width = across;
      this.#ground.height = down;
    }
    const context = this.#ground.getContext("2d");
    if (!context) throw new Error("the browser gave no canvas to draw on");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    return context;
  }

  /** Show the map, and return a context in CSS pixels to draw over it. */
  over(): CanvasRenderingContext2D {
    const context = this.canvas.getContext("2d");
    if (!context) throw new Error("the browser gave no canvas to draw on");
    context.save();
    context.resetTransform();
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.drawImage(this.#ground, 0, 0);
    context.restore();
    return context;
  }
}
