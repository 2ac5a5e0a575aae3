import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { PARTS } from "../dev/views";

describe("the dev page", () => {
  it("plays Python for every view", () => {
    expect(Object.keys(PARTS).sort()).toEqual(readdirSync("src/views").sort());
  });
});
