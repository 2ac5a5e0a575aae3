/** Plays Python for the sequence: its colours, and masks by text or at random. */
import { colouring, valuesOf } from "../colouring";
import type { FakeModel } from "../fake";
import type { Part, World } from "../part";

export function sequenceStrip(world: World): Part {
  const { toy, selection } = world;
  const colour = (view: FakeModel) => view.receive(valuesOf(world, String(view.get("colour_by"))));
  return {
    traits: () => ({ ...colouring(world), has_structure: true }),
    saved(view, changed) {
      if ("colour_by" in changed) colour(view);
    },
    selected: colour,
    heard(view, { type, text = "", percent }) {
      if (type === "mask_random") selection.mask(drawn(toy.sequence.length, Number(percent)));
      if (type !== "mask_text") return;
      const named = numbersIn(String(text));
      const notice = named.length > 0 ? "" : `"${text}" names no residue: try 3-10, 25, A40`;
      view.receive({ notice });
      if (named.length > 0) selection.mask(named);
    },
  };
}

function drawn(length: number, percent: number): number[] {
  const shuffled = Array.from({ length }, (_, i) => i).sort(() => Math.random() - 0.5);
  return shuffled.slice(0, Math.round((length * percent) / 100)).sort((a, b) => a - b);
}

/** The positions of residue numbers and of their ranges. */
function numbersIn(text: string): number[] {
  return [...text.matchAll(/(\d+)(?:-(\d+))?/g)].flatMap(([, from, to]) => {
    const first = Number(from) - 1;
    return Array.from({ length: Number(to ?? from) - first }, (_, k) => first + k);
  });
}
