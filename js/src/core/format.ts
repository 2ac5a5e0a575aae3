/** Numbers as people read them, the same in every view. */

const GROUPS = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** A value of a scale: three significant digits, no exponent for everyday sizes. */
export function formatValue(value: number): string {
  if (!Number.isFinite(value)) return "unknown";
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e6)) return value.toExponential(1);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toFixed(digits);
}

/** A number in words: with a minus sign in the place of a hyphen. */
export function withMinus(number: string): string {
  return number.replace("-", "\u2212");
}

/** A number in words, with its sign: as gains and couplings are read. */
export function signed(number: string): string {
  return number.startsWith("-") ? withMinus(number) : `+${number}`;
}

/** The end of a scale: as short as it can be said. */
export function formatLimit(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** A difference with what it is of: "0.310 − 0.190 = +0.120". */
export function formatDifference(one: number, other: number): string {
  const [first, second] = [one, other].map((value) => withMinus(formatValue(value)));
  const less = other < 0 ? `(${second})` : second;
  return `${first} \u2212 ${less} = ${signed(formatValue(one - other))}`;
}

/** A round number along an axis: as short as it can be said, with a minus sign and no hyphen. */
export function formatTick(value: number): string {
  return withMinus(String(Number(value.toPrecision(6))));
}

/** A count with thin spaces between the thousands. */
export function formatCount(count: number): string {
  return GROUPS.format(count).replaceAll(",", "\u202f");
}

/** A number in words; with names of classes, the one whose number it is. */
export function valueText(value: number, classes: readonly string[]): string {
  return classes.length === 0 ? formatValue(value) : (classes[value] ?? "unknown");
}
