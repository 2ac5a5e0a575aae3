/** What the table lists, and in which order. */

/** Positions of the pair, its ranks in both maps, CB distance in Å; null where not known. */
export type Row = readonly [
  i: number,
  j: number,
  rank: number,
  otherRank: number | null,
  distance: number | null,
  contact: boolean,
];

export type Column = "i" | "j" | "apart" | "rank" | "other" | "distance" | "contact";

export interface Order {
  column: Column;
  descending: boolean;
}

/** Best ranks first, as the kernel sends them. */
export const FIRST: Order = { column: "rank", descending: false };

const VALUES: Record<Column, (row: Row) => number | null> = {
  i: (row) => row[0],
  j: (row) => row[1],
  apart: (row) => row[1] - row[0],
  rank: (row) => row[2],
  other: (row) => row[3],
  distance: (row) => row[4],
  contact: (row) => Number(row[5]),
};

export function cellOf(row: Row, column: Column): number | null {
  return VALUES[column](row);
}

/** Sorted rows; what is not known comes last either way, equal ones stay by rank. */
export function sorted(rows: readonly Row[], { column, descending }: Order): Row[] {
  const sign = descending ? -1 : 1;
  return [...rows].sort((one, other) => {
    const [a, b] = [cellOf(one, column), cellOf(other, column)];
    if (a !== b && (a === null || b === null)) return a === null ? 1 : -1;
    if (a !== null && b !== null && a !== b) return sign * (a - b);
    return one[2] - other[2];
  });
}

/** The order after a click on a column's head. */
export function clicked(order: Order, column: Column): Order {
  return { column, descending: order.column === column && !order.descending };
}

/** The columns that say something of these rows. */
export function columnsOf(rows: readonly Row[], compared: boolean, mixed: boolean): Column[] {
  const some = (column: Column) => rows.some((row) => cellOf(row, column) !== null);
  return [
    "i",
    "j",
    "apart",
    "rank",
    ...(compared ? (["other"] as const) : []),
    ...(some("distance") ? (["distance"] as const) : []),
    ...(mixed ? (["contact"] as const) : []),
  ];
}

/** Whether a row is of these two residues, in any order. */
export function isPair(row: Row, pair: readonly number[] | null): boolean {
  if (pair?.length !== 2) return false;
  return (row[0] === pair[0] && row[1] === pair[1]) || (row[0] === pair[1] && row[1] === pair[0]);
}
