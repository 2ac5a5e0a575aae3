/** The line below the map: what is missing, how far the scan is, how to read the rows. */
import { element } from "../../core/elements";
import { formatValue } from "../../core/format";

export interface Progress {
  done: number;
  total: number;
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
}

export class Status {
  readonly node = element("div", { class: "plm-status" });
  #gap = element(
    "span",
    { class: "plm-item" },
    element("span", { class: "plm-hatch", "aria-hidden": "true" }),
  );
  #gapText = element("span");
  #noise = element(
    "span",
    { class: "plm-item" },
    element("span", { class: "plm-hatch plm-faint", "aria-hidden": "true" }),
  );
  #noiseText = element("span");
  #estimated = element("span", { class: "plm-item plm-muted" }, "some pairs are estimated");
  #progress = element("span", { class: "plm-item" });
  #reading = element("span", { class: "plm-muted" });

  constructor() {
    this.#gap.append(this.#gapText);
    this.#noise.append(this.#noiseText);
    this.node.append(this.#gap, this.#noise, this.#estimated, this.#progress, this.#reading);
  }

  draw({ missing, directed, progress, floor, estimated }: State): void {
    const running = progress !== null && progress.done < progress.total;
    this.#gap.hidden = !missing;
    this.#gapText.textContent = running ? "not computed yet" : "no value";
    this.#noise.hidden = floor === null;
    this.#noiseText.textContent = `pale: below the noise floor, ${formatValue(floor ?? 0)}`;
    this.#estimated.hidden = !estimated;
    this.#progress.hidden = !running;
    this.#progress.textContent = running ? progress.text : "";
    this.#reading.textContent = directed
      ? "Rows: residue affected. Columns: residue hidden as well."
      : "Click a cell to mask both residues; scroll to zoom.";
  }
}
