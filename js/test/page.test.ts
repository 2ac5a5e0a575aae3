import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { ViewModel } from "../src/core/model";
import { describe as nameOf } from "../src/page/frame";
import { UndoHistory } from "../src/page/history";
import { parsePositions } from "../src/page/numbering";
import { isPacked, type Packed, unpack, unpackExactly } from "../src/page/packing";
import { Answers, type ExplorerRecord } from "../src/page/record";
import { type Code, showStill } from "../src/page/show";
import { StandIn, sample } from "../src/page/stand_in";

/** Packed as plmwidgets/offline/packing.py does. */
function packed(dtype: Packed["dtype"], shape: number[], codes: ArrayBufferView): Packed {
  const bytes = new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength);
  const count = shape.reduce((product, n) => product * n, 1);
  const width = bytes.length / count;
  const planes = bytes.map((_, at) => bytes[(at % count) * width + Math.floor(at / count)] ?? 0);
  return { dtype, shape, data: deflateSync(planes).toString("base64") };
}

const roots = (shape: number[], p: (at: number) => number): Packed => {
  const count = shape.reduce((product, n) => product * n, 1);
  const code = (at: number) => (Number.isNaN(p(at)) ? 65535 : Math.round(65534 * Math.sqrt(p(at))));
  return packed(
    "sqrt16",
    shape,
    Uint16Array.from({ length: count }, (_, at) => code(at)),
  );
};

describe("packed arrays", () => {
  it("give back what was packed, whole or in part", async () => {
    const floats = Float32Array.of(1.5, -2, Number.NaN, 1e-30);
    const array = await unpack(packed("float32", [2, 2], floats));
    expect(array.read()).toEqual(floats);
    expect(array.read(1, 2)).toEqual(floats.slice(1, 3));
    const bytes = packed("uint8", [3], Uint8Array.of(0, 1, 255));
    expect([...(await unpack(bytes)).read()]).toEqual([0, 1, 255]);
    const exact = { dtype: "uint8", shape: [3], data: Uint8Array.of(0, 1, 255) };
    expect(await unpackExactly(bytes)).toEqual(exact);
  });

  it("keep probabilities as square roots, and gaps", async () => {
    const p = [0, 1, 0.25, Number.NaN, 1e-4];
    const got = (await unpack(roots([5], (at) => p[at] ?? 0))).read();
    for (const [k, value] of p.entries()) {
      if (Number.isNaN(value)) expect(got[k]).toBeNaN();
      else expect(Math.abs((got[k] ?? 0) - value)).toBeLessThan(1.6e-5 * Math.sqrt(value) + 1e-9);
    }
  });

  it("keep maps in steps from the smallest value", async () => {
    const codes = Uint16Array.of(0, 65534, 65535, 300);
    const given = { ...packed("linear16", [2, 2], codes), low: -1, step: 0.5 };
    expect([...(await unpack(given)).read()]).toEqual([-1, 32766, Number.NaN, 149]);
  });

  it("are told from other traits, and a damaged one is refused", async () => {
    expect(isPacked(packed("uint8", [1], Uint8Array.of(1)))).toBe(true);
    for (const other of [null, 3, "text", { data: "text" }, [1]]) {
      expect(isPacked(other)).toBe(false);
    }
    const short = { ...packed("uint8", [3], Uint8Array.of(0, 1, 2)), shape: [4] };
    await expect(unpack(short)).rejects.toThrow("damaged");
  });
});

describe("positions as people write them", () => {
  const labels = ["M-1", "K0", "T1", "A52", "Y52A", "I53"];

  it.each([
    ["", []],
    ["0, 52", [1, 3]],
    ["K0;t1", [1, 2]],
    ["-1-1", [0, 1, 2]],
    ["52 – 53", [3, 4, 5]],
    ["52a 52A", [4]],
    ["1 -1", [0, 2]],
  ])("reads %j", (text, positions) => {
    expect(parsePositions(text, labels)).toEqual(positions);
  });

  // The words of plmwidgets/structure/numbering.py.
  it.each([
    ["x", "cannot read 'x' as a position: write residue numbers or labels"],
    ["53-52", "the range '53-52' runs backwards: write its lower end first"],
    ["A0", "'A0' names A at 0, but that residue is K0"],
    ["7", "there is no residue 7: the residues are numbered -1 to 53"],
    ["M9", "there is no residue 9 (in 'M9'): the residues are numbered -1 to 53"],
    ["53G", "Residue 53 is I53: in a position the letter comes first"],
  ])("says what is wrong with %j", (text, message) => {
    expect(() => parsePositions(text, labels)).toThrow(message);
  });
});

describe("undo and redo", () => {
  const masks = (...masked: number[]) => ({ masked, substitutions: [] });

  it("step through masks, not through the focus", () => {
    const history = new UndoHistory(masks());
    expect(history.undo()).toBeNull();
    history.note(masks(1));
    history.note({ ...masks(1), focus: 3 } as ReturnType<typeof masks>);
    history.note(masks(1, 2));
    expect(history.undo()).toEqual(masks(1));
    expect(history.undo()).toEqual(masks());
    expect(history.undo()).toBeNull();
    expect(history.redo()).toEqual(masks(1));
    history.note(masks(5));
    expect(history.redo()).toBeNull();
    expect(history.undo()).toEqual(masks(1));
  });
});

const LENGTH = 4;
/** p of the recorded contexts: (context + 1) / 100; of pair (i, j): (10 i + j + 1) / 100. */
const RECORD: ExplorerRecord = {
  made: { name: "toy", model: "m", date: "2026-01-01", version: "0" },
  facts: [],
  selection: {
    masked: [],
    substitutions: [],
    focus: null,
    pair: null,
    clock: 4,
    // As it was in the notebook, whose history stays there.
    can_undo: true,
    can_redo: true,
  },
  views: {
    sequence_strip: { colour_by: "perplexity", protein: null },
    distributions: {
      protein: { name: "toy", sequence: "ACDX", labels: ["A1", "C2", "D3", "X4"] },
      letters: "ACDEFGHIKLMNPQRSTVWY",
    },
    pair_heatmap: {
      upper: "one",
      lower: "two",
      normalisation: "none",
      distances: packed(
        "float32",
        [LENGTH, LENGTH],
        Float32Array.from({ length: LENGTH ** 2 }, (_, at) => Math.abs((at >> 2) - (at % 4)) * 3),
      ),
    },
  },
  contexts: [
    [[], []],
    [[1], []],
    [[0, 2, 3], []],
    [[0], [[2, "W"]]],
  ],
  probabilities: roots([4, LENGTH, 20], (at) => (Math.floor(at / (20 * LENGTH)) + 1) / 100),
  pairs: roots([LENGTH, LENGTH, 20], (at) => {
    const [i, j] = [Math.floor(at / 80), Math.floor(at / 20) % 4];
    return i === 3 || j === 3 ? Number.NaN : (10 * i + j + 1) / 100;
  }),
  colours: {
    perplexity: {
      label: "Perplexity now",
      range: [1, 20],
      kind: "sequential",
      classes: [],
      values: null,
    },
    single: {
      label: "Alone",
      range: [0, 1],
      kind: "sequential",
      classes: [],
      values: packed("float32", [4], Float32Array.of(1, 2, 3, 4)),
    },
  },
  maps: {
    contents: {
      none: {
        one: { name: "one", kind: "sequential", values: 0 },
        two: { name: "two", kind: "binary", values: 1 },
      },
      apc: {
        one: { name: "one", kind: "diverging", values: 1 },
        two: { name: "two", kind: "binary", values: 1 },
      },
    },
    arrays: [1, 2].map((value) =>
      packed("float32", [LENGTH, LENGTH], new Float32Array(LENGTH ** 2).fill(value)),
    ),
  },
};

describe("the answers in a page", () => {
  const answersOf = async () =>
    new Answers(
      RECORD.contexts,
      await unpack(RECORD.probabilities),
      await unpack(RECORD.pairs as Packed),
    );

  it("are those of the context, substitutions included", async () => {
    const answers = await answersOf();
    for (const [k, [masked, substitutions]] of RECORD.contexts.entries()) {
      const { probabilities, partial } = answers.at({ masked, substitutions }) ?? {};
      expect(partial).toBe(false);
      expect(probabilities?.length).toBe(80);
      expect(probabilities?.[79]).toBeCloseTo((k + 1) / 100, 4);
    }
    expect(answers.at({ masked: [1], substitutions: [[2, "W"]] })).toBeNull();
    expect(answers.at({ masked: [0, 1, 2], substitutions: [] })).toBeNull();
  });

  it("know the two residues of a scanned pair, and the one masked alone", async () => {
    const answers = await answersOf();
    const pair = answers.at({ masked: [0, 2], substitutions: [] });
    expect(pair?.partial).toBe(true);
    expect(pair?.probabilities[0]).toBeCloseTo(0.03, 4);
    expect(pair?.probabilities[40]).toBeCloseTo(0.21, 4);
    expect(pair?.probabilities[20]).toBeNaN();
    const alone = answers.at({ masked: [2], substitutions: [] });
    expect(alone?.probabilities[59]).toBeCloseTo(0.23, 4);
    expect(answers.at({ masked: [0, 3], substitutions: [] })).toBeNull();
  });
});

describe("the stand-in for Python", () => {
  const open = async () => {
    const page = await StandIn.of(RECORD, () => 0);
    const trait = (view: string, name: string) => page.models.get(view)?.get(name);
    const change = (view: string, traits: Record<string, unknown>) => {
      const model = page.models.get(view) as ViewModel;
      for (const [name, value] of Object.entries(traits)) model.set(name, value);
      model.save_changes();
    };
    const mask = (masked: number[], focus: number | null = null) =>
      send({
        type: "select",
        state: { ...page.state, masked, focus, clock: page.state.clock + 1 },
      });
    const send = (message: unknown) => page.models.get("sequence_strip")?.send(message);
    return { page, trait, change, mask, send };
  };

  it("answers a new context in all views, or says that it cannot", async () => {
    const { trait, mask } = await open();
    mask([1]);
    expect(trait("distributions", "prediction")).toMatchObject({ masked: [1], substitutions: [] });
    expect(trait("distributions", "notice")).toBe("");
    expect(trait("distributions", "selection_state")).toMatchObject({ masked: [1], clock: 5 });
    expect(trait("sequence_strip", "values")).toMatchObject({ shape: [4] });
    mask([1, 3]);
    expect(trait("distributions", "prediction")).toBeNull();
    expect(trait("distributions", "notice")).toContain("Not recorded");
    expect(trait("sequence_strip", "notice")).toContain("Not recorded");
    expect(trait("sequence_strip", "values")).toBeNull();
    mask([0, 2]);
    expect(trait("distributions", "notice")).toContain("masked residues alone");
    expect(trait("sequence_strip", "notice")).toBe("");
  });

  it("undoes, redoes and reads masks", async () => {
    const { page, trait, mask, send } = await open();
    expect(page.state).toMatchObject({ can_undo: false, can_redo: false });
    mask([1], 1);
    expect(page.state).toMatchObject({ can_undo: true, can_redo: false });
    send({ type: "mask_text", text: "1, 3-4" });
    expect(page.state).toMatchObject({ masked: [0, 2, 3], focus: 1, pair: null, clock: 6 });
    send({ type: "undo" });
    expect(page.state).toMatchObject({ masked: [1], clock: 7, can_redo: true });
    send({ type: "redo" });
    expect(page.state.masked).toEqual([0, 2, 3]);
    send({ type: "redo" });
    expect(page.state.clock).toBe(8);
    send({ type: "mask_text", text: "9" });
    expect(trait("sequence_strip", "notice")).toContain("there is no residue 9");
    expect(page.state.masked).toEqual([0, 2, 3]);
  });

  it("masks at random and around the focus", async () => {
    const { page, trait, mask, send } = await open();
    send({ type: "mask_around", radius: 4 });
    expect(trait("sequence_strip", "notice")).toContain("click a residue first");
    mask([], 2);
    send({ type: "mask_around", radius: 4 });
    expect(page.state.masked).toEqual([1, 2, 3]);
    send({ type: "mask_random", percent: 50 });
    expect(page.state.masked).toEqual([0, 1]);
  });

  it("gives each colour and each map that is chosen", async () => {
    const { trait, change } = await open();
    expect(trait("sequence_strip", "value_label")).toBe("Perplexity now");
    change("sequence_strip", { colour_by: "single" });
    await expect.poll(() => trait("sequence_strip", "value_label")).toBe("Alone");
    change("sequence_strip", { colour_by: "chemistry" });
    expect(trait("sequence_strip", "values")).toBeNull();
    expect(trait("pair_heatmap", "upper_map")).toMatchObject({ name: "one", kind: "sequential" });
    change("pair_heatmap", { upper: "two" });
    await expect.poll(() => trait("pair_heatmap", "upper_map")).toMatchObject({ name: "two" });
    change("pair_heatmap", { upper: "one", normalisation: "apc" });
    await expect
      .poll(() => trait("pair_heatmap", "upper_map"))
      .toMatchObject({ kind: "diverging" });
  });
});

describe("small parts of the page", () => {
  it("draws sets of masks without repetition", () => {
    let seed = 0;
    const random = () => {
      seed = (seed + 0.618) % 1;
      return seed;
    };
    const drawn = sample(20, 8, random);
    expect(new Set(drawn).size).toBe(8);
    expect(drawn).toEqual([...drawn].sort((a, b) => a - b));
    expect(sample(3, 9, random)).toEqual([0, 1, 2]);
  });

  it("names masks by their labels", () => {
    const labels = Array.from({ length: 9 }, (_, i) => `A${i + 1}`);
    expect(nameOf([[0, 2], []], labels)).toBe("A1, A3");
    expect(nameOf([[0, 1, 2, 3, 4, 5, 6, 7], [[8, "W"]]], labels)).toBe(
      "A1, A2, A3, A4, A5, A6 and 2 more; A9W",
    );
  });
});

describe("views as they stood", () => {
  const still = (name: string, usable: boolean) => ({ name, usable, traits: {} });
  const shown = async (...views: ReturnType<typeof still>[]) => {
    const page = document.createElement("div");
    await showStill({ still: views }, page, { render: async () => {} } as unknown as Code);
    const taking = [...page.querySelectorAll("section")].map(
      (place) => !place.hasAttribute("inert"),
    );
    return [page.querySelector("p")?.textContent ?? "", taking] as const;
  };

  it("say what of them can be used", async () => {
    const [player, strip] = [still("unmasking_player", true), still("sequence_strip", false)];
    expect(await shown(player)).toEqual(["", [true]]);
    expect(await shown(strip)).toEqual([expect.stringMatching(/^A picture/), [false]]);
    expect(await shown(player, strip)).toEqual([
      expect.stringMatching(/^Its steps can be played here/),
      [true, false],
    ]);
  });
});
