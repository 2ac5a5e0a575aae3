/** Plays Python for the table of pairs: what one made-up map finds and another misses. */
import type { FakeModel } from "../fake";
import type { ToyModel } from "../lm";
import type { Part, World } from "../part";

const MAPS = ["Jacobian", "attention", "PMI"];
const TOPS: Record<string, number> = { L: 1, "L/2": 2, "L/5": 5 };

export function pairTable({ options, toy }: World): Part {
  const first = { found_by: "Jacobian", but_not: "attention", top: "L", contacts_only: true };
  // Where it is empty, no map finds what another misses.
  const found = options.state === "empty" ? [] : rows(toy, first);
  return {
    traits: () => ({ maps: MAPS, tops: Object.keys(TOPS), ...first, rows: found }),
    saved: (view) => view.receive({ rows: rows(toy, choiceOf(view)) }),
  };
}

function choiceOf(view: FakeModel): Choice {
  const of = (name: string) => String(view.get(name));
  return {
    found_by: of("found_by"),
    but_not: of("but_not"),
    top: of("top"),
    contacts_only: view.get("contacts_only") === true,
  };
}

interface Choice {
  found_by: string;
  but_not: string;
  top: string;
  contacts_only: boolean;
}

function rows(toy: ToyModel, { found_by, but_not, top, contacts_only }: Choice): unknown[] {
  const length = toy.sequence.length;
  const most = Math.floor(length / (TOPS[top] ?? 1));
  const found = [];
  // Every third of the ranked pairs is found by the other map as well, every fourth is no contact.
  for (let rank = 1 + MAPS.indexOf(found_by); rank <= most; rank += 1) {
    const contact = rank % 4 !== 0;
    if ((but_not !== "" && rank % 3 === 0) || (contacts_only && !contact)) continue;
    const [i, turn] = [rank % (length - 10), Math.floor(rank / (length - 10))];
    const j = i + 6 + (rank % 3) + 3 * turn; // each pair once
    const other = but_not === "" || rank % 5 === 0 ? null : most + 3 * rank;
    const distance = contact ? 4.5 + (rank % 7) / 2 : 11.2;
    found.push([i, j, rank, other, distance, contact]);
  }
  return found;
}
