import { describe, expect, it } from "vitest";
import { Notice } from "../src/core/notice";

describe("a notice", () => {
  it("is there while there is something to say", () => {
    const notice = new Notice("warning");
    expect(notice.node.hidden).toBe(true);
    notice.say("too much is hidden");
    expect([notice.node.hidden, notice.node.textContent]).toEqual([false, "too much is hidden"]);
    notice.say("");
    expect([notice.node.hidden, notice.node.textContent]).toEqual([true, ""]);
  });

  it("leaves the same text alone, which would be read out again", () => {
    const notice = new Notice("remark");
    notice.say("no kernel");
    const [text] = notice.node.childNodes;
    notice.say("no kernel");
    expect(notice.node.firstChild).toBe(text);
  });
});
