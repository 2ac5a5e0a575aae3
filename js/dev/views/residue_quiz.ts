/** Plays a quiz as Python does: votes, the answer, the next round; the scores are made up. */
import { envelope, type FakeModel } from "../fake";
import { LETTERS, type ToyModel } from "../lm";
import type { Message, Part, Traits, World } from "../part";

interface Vote extends Message {
  player?: number;
  column?: number;
  step?: number;
}

const POSITIONS = [12, 5, 30];

export function residueQuiz(world: World): Part {
  return {
    traits: () => traitsOf(world),
    heard: (view, message) => play(view, world.toy, message),
  };
}

function traitsOf({ options: { state, models }, toy }: World): Traits {
  const players = state === "own" ? ["Ada", "Max", "Lena of the back row"] : ["Class"];
  const length = toy.sequence.length;
  const asked = POSITIONS.map((position) => position % length);
  const hide = (text: string, i: number) => (asked.includes(i) ? "?" : text);
  return {
    protein: {
      name: "toy",
      sequence: [...toy.sequence].map(hide).join(""),
      labels: toy.labels.map((label, i) => (asked.includes(i) ? `?${label.slice(1)}` : label)),
    },
    shown: [...toy.sequence].map(hide).join(""),
    letters: LETTERS,
    players,
    models: [...models],
    player: 0,
    round: 0,
    rounds: POSITIONS.length,
    position: asked[0],
    votes: players.map(() => Array(20).fill(0)),
    pending: state === "pending",
    answer: null,
    sheet: [],
  };
}

function play(view: FakeModel, toy: ToyModel, message: Message): void {
  const votes = (view.get("votes") as number[][]).map((row) => [...row]);
  const { type, player = 0, column = 0, step = 1 } = message as Vote;
  const row = votes[player];
  if (type === "reveal") view.receive(revealed(view, toy));
  else if (type === "next") {
    const round = Number(view.get("round")) + 1;
    const position = (POSITIONS[round] ?? 0) % toy.sequence.length;
    const none = votes.map(() => Array(20).fill(0));
    view.receive({ round, position, votes: none, answer: null });
  } else if (row) {
    if (type === "vote") row[column] = Math.max(0, (row[column] ?? 0) + step);
    else row.fill(0);
    view.receive({ votes });
  }
}

function revealed(view: FakeModel, toy: ToyModel): Traits {
  const position = Number(view.get("position"));
  const letter = toy.sequence[position] ?? "A";
  const column = LETTERS.indexOf(letter);
  const players = view.get("players") as string[];
  const models = view.get("models") as string[];
  const votes = view.get("votes") as number[][];
  const smoothed = (counts: readonly number[]): number[] => {
    const cast = counts.reduce((sum, n) => sum + n, 0);
    return counts.map((n) => (n + 0.05) / (cast + 1));
  };
  const rows = players.map((_, k) => smoothed(votes[k] ?? []));
  const several = players.length > 1;
  if (several) rows.push(smoothed([...LETTERS].map((_, a) => Number(votes[0]?.[a] ?? 0))));
  const p = toy.probabilities([position], []).slice(20 * position, 20 * position + 20);
  for (const _ of models) rows.push([...p]);
  const names = [...players, ...(several ? ["Together"] : []), ...models];
  const kinds = names.map((_, k) =>
    k < players.length ? "player" : several && k === players.length ? "together" : "model",
  );
  const bits = rows.map((row) => Math.log2(20 * (row[column] ?? 0.05)));
  const before = view.get("sheet") as [string, string, (number | null)[]][];
  const sheet = names.map((name, k) => [name, kinds[k], [...(before[k]?.[2] ?? []), bits[k]]]);
  const shown = [...String(view.get("shown"))];
  shown[position] = letter;
  const probabilities = envelope(new Float32Array(rows.flat()), rows.length, 20);
  const label = `${letter}${toy.labels[position]?.slice(1) ?? ""}`;
  return {
    answer: { column, label, names, kinds, probabilities, bits },
    sheet,
    shown: shown.join(""),
  };
}
