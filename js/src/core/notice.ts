/** A line that is there while there is something to say. */
import { element } from "./elements";

export class Notice {
  readonly node: HTMLElement;

  /** A warning is about what a person did, or has to do; a remark is about the view. */
  constructor(kind: "warning" | "remark") {
    this.node = element("div", { class: `plm-${kind}`, role: "status", hidden: true });
  }

  /** Say a text; an empty one takes the line away. */
  say(text: string): void {
    // The same text again would be read out again.
    if (this.node.textContent !== text) this.node.textContent = text;
    this.node.hidden = text === "";
  }
}
