/** The line below the map: what is missing, how far the scan is, how to read the rows. */
import { element } from "../../core/elements";
import { formatValue } from "../../core/format";

export interface Progress {
  done: number;
  total: number;
  status: string;
  text: string;
}

interface State {
  /** Whether some cells have no value. */
  missing: boolean;
  directed: boolean;
  progress: Progress | null;
  /** Below what values are noise; null where that is not known. */
  floor: number | null;
  /** Whether some pairs are estimated. */
  estimated: boolean;
  /** Whether a map is normalised. */
  normalised: boolean;
  /** Whether a scan runs, or waits to. */
  scanning: boolean;
}

export class Status {
  readonly node = element("div", { class: "map-status" });
  #gap = element(
    "span",
    { class: "plm-item" },
    element("span", { class: "plm-hatch", "aria-hidden": "true" }),
  );
  #gapText = element("span");
  #noise = element(
    "span",
    { class: "plm-item" },
    element("span", { class: "plm-hatch map-faint", "aria-hidden": "true" }),
  );
  #noiseText = element("span");
  #estimatedText = element("span");
  #estimated = element(
    "span",
    { class: "plm-item" },
    element("span", { class: "map-estimated", "aria-hidden": "true" }),
    this.#estimatedText,
  );
  #normalised = element("span", { class: "plm-item" }, "normalised over the pairs so far");
  #progress = element("span", { class: "plm-item" });
  #reading = element("span");
  #brushing = element("span", { class: "map-brushing" }, "Shift and drag: compute a region first.");

  constructor() {
    this.#gap.append(this.#gapText);
    this.#noise.append(this.#noiseText);
    // What grows comes last, so that it moves nothing.
    const news = [this.#gap, this.#noise, this.#estimated, this.#normalised, this.#progress];
    this.node.append(
      element("div", { class: "map-hints plm-muted" }, this.#reading, this.#brushing),
      element("div", { class: "map-news" }, ...news),
    );
  }

  /** Say whether the cells are large enough for the marks of estimated ones. */
  showMarks(drawn: boolean): void {
    this.#estimatedText.textContent = `some pairs are estimated${drawn ? "" : ": zoom in to see which"}`;
  }

  draw(state: State): void {
    const { missing, directed, progress, floor, estimated, normalised, scanning } = state;
    const running = progress !== null && progress.done < progress.total;
    this.#gap.hidden = !missing;
    this.#gapText.textContent = running ? "not computed yet" : "no value";
    this.#noise.hidden = floor === null;
    this.#noiseText.textContent = `pale: below the noise floor, ${formatValue(floor ?? 0)}`;
    this.#estimated.hidden = !estimated;
    this.#normalised.hidden = !(normalised && running);
    // Its room is kept when it goes.
    this.#brushing.style.visibility = scanning ? "visible" : "hidden";
    this.#progress.hidden = !running;
    this.#progress.textContent = running ? progress.text : "";
    this.#reading.textContent = directed
      ? "Rows: residue affected. Columns: residue hidden as well."
      : "Click a cell to mask both residues; scroll to zoom.";
  }
}
