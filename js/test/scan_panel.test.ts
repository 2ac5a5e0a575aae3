import { expect, describe as group, it } from "vitest";
import { commands, duration, type Run, reassurance } from "../src/core/run";
import { describe } from "../src/views/scan_panel/wording";

const SCAN: Run = {
  title: "Pair scan",
  status: "running",
  stage: "pairs",
  unit: "pairs",
  done: 1234,
  total: 2016,
  estimated: 0,
  share: 0.612,
  rate: 812.4,
  remaining: 0.96,
  elapsed: 1.5,
  store: "toy.zarr",
  model: "demo",
  method: "exact",
  precision: "reference",
  message: "",
};
const plain = (text: string) => text.replaceAll("\u202f", " ");

group("the line under the bar", () => {
  it("tells progress, pace and time left", () => {
    expect(plain(describe(SCAN))).toBe("1 234 of 2 016 pairs · 812 pairs/s · 1 s left");
  });

  it("leaves out what is not known", () => {
    const scan = { ...SCAN, rate: null, remaining: null };
    expect(plain(describe(scan))).toBe("1 234 of 2 016 pairs");
    expect(plain(describe({ ...scan, done: 0, stage: "singles" }))).toBe(
      "0 of 2 016 pairs · masking every residue alone first",
    );
  });

  it("tells the stages of a superposed scan", () => {
    const scan: Run = { ...SCAN, stage: "superposed pass", method: "superposed", rate: null };
    expect(describe(scan)).toBe("estimating all pairs by a superposed pass · 61 % · 1 s left");
    expect(describe({ ...scan, stage: "checks", remaining: null })).toBe(
      "computing the strongest pairs and a sample exactly · 61 %",
    );
    const end: Run = { ...scan, status: "finished", stage: "", done: 2016, estimated: 1752 };
    expect(plain(describe(end))).toBe("2 016 pairs · 1 752 of them estimated · finished in 1.5 s");
    expect(commands(end)).toEqual(["upgrade"]);
  });

  it("says that work waits for its turn", () => {
    const scan: Run = { ...SCAN, stage: "waiting", done: 0, unit: "blocks", resumable: false };
    expect(plain(describe(scan))).toBe("0 of 2 016 blocks · waiting for the prediction before it");
  });

  it("offers to start work anew that cannot be resumed, and promises nothing", () => {
    const of = (status: Run["status"]): Run => ({ ...SCAN, status, resumable: false });
    expect(commands(of("running"))).toEqual(["cancel"]);
    expect(commands(of("cancelled"))).toEqual(["start"]);
    expect(commands(of("failed"))).toEqual(["start"]);
    expect(commands(of("ready"))).toEqual(["start"]);
    expect(commands(of("finished"))).toEqual([]);
    expect(reassurance(of("failed"))).toBe("");
  });

  it("fits every other status", () => {
    const say = (status: Run["status"]) => plain(describe({ ...SCAN, status, elapsed: 3 }));
    expect(say("ready")).toBe("2 016 pairs to compute");
    expect(say("paused")).toBe("1 234 of 2 016 pairs");
    expect(say("finished")).toBe("2 016 pairs · finished in 3 s");
    expect(say("failed")).toBe("1 234 of 2 016 pairs");
  });
});

it("writes durations as people say them", () => {
  const cases: [number, string][] = [
    [0.04, "0 s"],
    [2.63, "2.6 s"],
    [9.99, "10 s"],
    [59.6, "1 min 00 s"],
    [125, "2 min 05 s"],
    [12000, "3 h 20 min"],
  ];
  for (const [seconds, text] of cases) expect(duration(seconds)).toBe(text);
});

it("says what becomes of the results when a scan stopped early", () => {
  expect(reassurance(SCAN)).toBe("");
  expect(reassurance({ ...SCAN, status: "failed" })).toContain("Nothing computed is lost");
  expect(reassurance({ ...SCAN, status: "cancelled", store: null })).toContain("kernel runs");
});

it("offers the commands that fit the status", () => {
  expect(commands({ ...SCAN, status: "ready" })).toEqual(["start"]);
  expect(commands({ ...SCAN, status: "running" })).toEqual(["pause", "cancel"]);
  expect(commands({ ...SCAN, status: "paused" })).toEqual(["resume", "cancel"]);
  expect(commands({ ...SCAN, status: "finished" })).toEqual([]);
  expect(commands({ ...SCAN, status: "failed" })).toEqual(["resume"]);
});
