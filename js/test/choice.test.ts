import { describe, expect, it, vi } from "vitest";
import { FakeModel } from "../dev/fake";
import { Choice, type Options } from "../src/core/choice";
import { save } from "../src/core/model";

const OPTIONS: Options = [
  ["heat", "heat map"],
  ["logo", "logo"],
];

describe("a dropdown", () => {
  const make = (choose = vi.fn()) => {
    const choice = new Choice("Drawing", "profile", new AbortController().signal, choose);
    choice.draw(OPTIONS, "logo");
    return { choice, choose };
  };

  it("shows what is chosen, and says all of it where there is no room", () => {
    const { choice } = make();
    expect(choice.node.value).toBe("logo");
    expect(choice.node.title).toBe("Drawing: logo");
    choice.draw(OPTIONS, "neither");
    expect(choice.node.title).toBe("Drawing");
  });

  it("keeps its nodes while the options are the same, or an open list would close", () => {
    const { choice } = make();
    const [first] = choice.node.options;
    choice.draw([...OPTIONS], "heat");
    expect(choice.node.options[0]).toBe(first);
    choice.draw([["bars", "bars"]], "bars");
    expect([...choice.node.options].map(({ value, text }) => [value, text])).toEqual([
      ["bars", "bars"],
    ]);
  });

  it("tells what a person chooses", () => {
    const { choice, choose } = make();
    choice.node.value = "heat";
    choice.node.dispatchEvent(new Event("change"));
    expect(choose).toHaveBeenCalledExactlyOnceWith("heat");
  });
});

describe("saving", () => {
  it("writes all traits before it sends them", () => {
    const model = new FakeModel({ upper: "one", colour_limits: [0, 1] });
    const sent: unknown[] = [];
    model.onSave = (changed) => sent.push(changed);
    save(model, { upper: "two", colour_limits: null });
    expect(sent).toEqual([{ upper: "two", colour_limits: null }]);
  });
});
