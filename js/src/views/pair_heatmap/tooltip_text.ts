/** What the tooltip says of a cell. */
import type { ScaleKind } from "../../core/colour";
import { formatValue } from "../../core/format";

export interface MapFacts {
  name: string;
  /** Whose scan it is from; empty for what the structure says. */
  model: string;
  label: string;
  unit: string;
  kind: ScaleKind;
  directed: boolean;
  /** Whether the numbers come from the scan: a gap in those of the structure stays. */
  scanned: boolean;
  values: ArrayLike<number>;
}

export interface CellFacts {
  labels: readonly string[];
  length: number;
  maps: readonly MapFacts[];
  distances: ArrayLike<number> | null;
  /** 1 where a pair is estimated by a superposed pass. */
  estimated: ArrayLike<number> | null;
  /** Whether more pairs are on their way. */
  running: boolean;
}

export function describeCell(i: number, j: number, facts: CellFacts): string {
  const { labels, length, maps, distances, running } = facts;
  const [a, b] = [labels[i] ?? "", labels[j] ?? ""];
  if (i === j) return `${a}\nclick to mask or show it`;
  const lines = [`${a} · ${b}`];
  if (facts.estimated?.[i * length + j]) lines[0] += " (estimated)";
  const say = (name: string, text: string) => lines.push(`${name}  ${text}`);
  for (const map of uniqueMaps(maps)) {
    const text = (row: number, column: number) => {
      const value = map.values[row * length + column] as number;
      if (Number.isFinite(value)) return withUnit(map, value);
      return running && map.scanned ? "not computed yet" : "unknown";
    };
    if (!map.directed) say(map.label, text(i, j));
    else {
      lines.push(map.label);
      const when = map.scanned ? (hidden: string) => ` when ${hidden} is hidden` : rowOf;
      say(`  ${a}${when(b)}`, text(i, j));
      say(`  ${b}${when(a)}`, text(j, i));
    }
  }
  const distance = distances?.[i * length + j];
  const shown = maps.some((map) => map.name === "distance");
  if (distance !== undefined && Number.isFinite(distance) && !shown) {
    say("CB distance", `${distance.toFixed(1)} Å`);
  }
  return lines.join("\n");
}

/** What the two directions of somebody's own map mean, only they know. */
function rowOf(column: string): string {
  return ` (row), ${column} (column)`;
}

function uniqueMaps(maps: readonly MapFacts[]): MapFacts[] {
  return maps.filter((map, k) => maps.findIndex((other) => sameMap(map, other)) === k);
}

/** Whether both show the same numbers. */
export function sameMap(
  one: Pick<MapFacts, "name" | "model">,
  other: Pick<MapFacts, "name" | "model">,
): boolean {
  return one.name === other.name && one.model === other.model;
}

function withUnit({ kind, unit }: MapFacts, value: number): string {
  if (kind === "binary") return value >= 0.5 ? "yes" : "no";
  return `${formatValue(value)} ${unit}`.trim();
}
