/** What the lines of the score board say; no DOM here. */
import { type ArrayEnvelope, decodeArray } from "../../core/arrays";
import { formatValue, signed } from "../../core/format";

export type Kind = "player" | "together" | "model";
/** Name, kind, and the bits of each round, null where there is none. */
export type Scored = readonly [name: string, kind: Kind, bits: readonly (number | null)[]];

export interface Answer {
  column: number;
  label: string;
  names: string[];
  kinds: Kind[];
  probabilities: ArrayEnvelope;
  bits: number[];
}

export interface Line {
  name: string;
  kind: Kind;
  /** Height of each bar, 0 to 1 of the highest on the board. */
  heights: number[];
  /** What stands over each bar. */
  counts: string[];
  bits: string;
  total: string;
  /** The line for a screen reader. */
  words: string;
}

export const TOGETHER = "Together";
const NAMED = 3;

/** A score: what was gained or lost. */
export function score(bits: number): string {
  // What is rounded to nothing has lost nothing.
  return signed(Math.abs(bits) < 0.005 ? "0.00" : bits.toFixed(2));
}

/** Who stands on the board, from the beginning: lines do not move when the round is revealed. */
export function namesOf(
  players: readonly string[],
  models: readonly string[],
): readonly (readonly [string, Kind])[] {
  return [
    ...players.map((name) => [name, "player"] as const),
    ...(players.length > 1 ? [[TOGETHER, "together"] as const] : []),
    ...models.map((name) => [name, "model"] as const),
  ];
}

export function totalOf(sheet: readonly Scored[], name: string, kind: Kind): number | null {
  const line = sheet.find(([other, also]) => other === name && also === kind);
  if (!line) return null;
  return line[2].reduce<number>((sum, bits) => sum + (bits ?? 0), 0);
}

/** Before the round is revealed: votes of the players, nothing of the others. */
export function openLines(
  players: readonly string[],
  models: readonly string[],
  votes: readonly (readonly number[])[],
  letters: string,
  sheet: readonly Scored[],
): Line[] {
  return namesOf(players, models).map(([name, kind], k) => {
    const own = kind === "player" ? (votes[k] ?? []) : [];
    const most = Math.max(1, ...own);
    const cast = own.reduce((sum, n) => sum + n, 0);
    return {
      name,
      kind,
      heights: [...letters].map((_, a) => (own[a] ?? 0) / most),
      counts: [...letters].map((_, a) => ((own[a] ?? 0) > 0 ? String(own[a]) : "")),
      bits: "",
      total: totalText(sheet, name, kind),
      words: `${name}: ${
        kind !== "player"
          ? "hidden until the round is revealed"
          : cast === 0
            ? "no votes"
            : listed(own, letters, (n) => `${n} ${n === 1 ? "vote" : "votes"}`)
      }`,
    };
  });
}

/** After it: what everybody gave to each residue, and the scores. */
export function revealedLines(
  players: readonly string[],
  models: readonly string[],
  answer: Answer,
  letters: string,
  sheet: readonly Scored[],
): Line[] {
  const { values } = decodeArray(answer.probabilities);
  const top = Math.max(1e-6, ...values);
  const size = letters.length;
  return namesOf(players, models).map(([name, kind]) => {
    const at = answer.names.findIndex((other, k) => other === name && answer.kinds[k] === kind);
    const p = at < 0 ? [] : [...values.subarray(at * size, (at + 1) * size)];
    const bits = answer.bits[at];
    const truth = formatValue(p[answer.column] ?? Number.NaN);
    return {
      name,
      kind,
      heights: [...letters].map((_, a) => (p[a] ?? 0) / top),
      counts: [...letters].map((_, a) => {
        const named = bits !== undefined && (a === answer.column || (p[a] ?? 0) >= 0.1);
        return named ? percent(p[a] ?? 0) : "";
      }),
      bits: bits === undefined ? "no answer" : score(bits),
      total: totalText(sheet, name, kind),
      words:
        bits === undefined
          ? `${name}: no answer`
          : `${name}: ${listed(p, letters, formatValue)}; true residue ${truth}, ${score(bits)} bits`,
    };
  });
}

function totalText(sheet: readonly Scored[], name: string, kind: Kind): string {
  const total = totalOf(sheet, name, kind);
  return total === null ? "" : score(total);
}

function percent(p: number): string {
  const whole = Math.round(100 * p); // as 1 % may be a little less in float32
  return whole < 1 ? "<1" : String(whole);
}

function listed(
  values: ArrayLike<number>,
  letters: string,
  words: (value: number) => string,
): string {
  return [...letters]
    .map((letter, a) => [letter, values[a] ?? 0] as const)
    .filter(([, value]) => value > 0)
    .sort((a, b) => b[1] - a[1])
    .slice(0, NAMED)
    .map(([letter, value]) => `${letter} ${words(value)}`)
    .join(", ");
}

/** What the round came to, in a sentence. */
export function summary(answer: Answer, lines: readonly Line[], last: boolean): string {
  const scores = lines.map(({ name, bits }) =>
    bits === "no answer" ? `${name} gave no answer` : `${name} ${bits} bits`,
  );
  const text = `It is ${answer.label}: ${scores.join(", ")}.`;
  if (!last) return text;
  const best = [...lines]
    .filter(({ total }) => total !== "")
    .sort((a, b) => Number(b.total.replace("−", "-")) - Number(a.total.replace("−", "-")));
  const leads = best.map(({ name, total }) => `${name} ${total}`).join(", ");
  return `${text} That was the last round. In all: ${leads} bits.`;
}
