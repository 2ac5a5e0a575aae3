/** Reads positions as people write them; the same as plmwidgets/structure/numbering.py. */

const RESIDUE = "([A-Za-z]?)(-?\\d+)([A-Za-z]?)";
const SINGLE = new RegExp(`^${RESIDUE}$`);
const RANGE = new RegExp(`^${RESIDUE}[-–]${RESIDUE}$`);
const FORMS =
  "write residue numbers or labels separated by commas or blanks, such as '25', 'A25', " +
  "'3-10, 25' or '52A' (number 52, insertion code A)";

/** 0-based positions, ascending, each once; throws what is wrong in plain words. */
export function parsePositions(text: string, labels: readonly string[]): number[] {
  const numbers = labels.map((label) => label.slice(1));
  const index = new Map(numbers.map((number, i) => [number, i]));

  const find = (token: string, letter = "", number = "", code = ""): number => {
    const name = `${Number(number)}${code}`;
    const position = index.get(name) ?? index.get(name.toUpperCase());
    if (position === undefined) throw new Error(absent(token, name, Number(number), code));
    const label = labels[position] ?? "";
    if (letter && letter.toUpperCase() !== label[0]) {
      throw new Error(
        `'${token}' names ${letter.toUpperCase()} at ${name}, but that residue is ${label}`,
      );
    }
    return position;
  };
  const absent = (token: string, name: string, number: number, code: string): string => {
    const other = code ? index.get(String(number)) : undefined;
    const hint =
      other === undefined
        ? ""
        : `. Residue ${number} is ${labels[other]}: in a position the letter comes first, and ` +
          "'A25G' is a substitution";
    const part = token === name ? "" : ` (in '${token}')`;
    return (
      `there is no residue ${name}${part}: the residues are numbered ${numbers[0]} to ` +
      `${numbers.at(-1)}${hint}`
    );
  };

  const found = new Set<number>();
  // A dash with blanks around it is still one range; with a blank before it only, a minus.
  const joined = text.replace(/(?<=\w)\s*([-–])\s+(?=\w)/g, "$1");
  for (const token of joined.split(/[\s,;]+/).filter((part) => part !== "")) {
    const single = SINGLE.exec(token);
    const range = RANGE.exec(token);
    if (single) found.add(find(token, ...single.slice(1)));
    else if (range) {
      const first = find(token, ...range.slice(1, 4));
      const last = find(token, ...range.slice(4, 7));
      if (first > last) {
        throw new Error(`the range '${token}' runs backwards: write its lower end first`);
      }
      for (let i = first; i <= last; i += 1) found.add(i);
    } else throw new Error(`cannot read '${token}' as a position: ${FORMS}`);
  }
  return [...found].sort((a, b) => a - b);
}
