/** Puts a text behind all words that Python gives a view, to see that it is drawn as text. */

const WORDS = new Set(
  "label error notice value_label message store text unit problem title caption x_label y_label".split(
    " ",
  ),
);
const CHOICES = new Set("options normalisations colour_options".split(" "));

export function withText(text: string, traits: Record<string, unknown>): Record<string, unknown> {
  if (text === "") return traits;
  const told = (words: unknown) => (typeof words === "string" ? `${words} ${text}` : words);
  const entry = (name: string, value: unknown): unknown => {
    if (WORDS.has(name)) return told(value);
    if (CHOICES.has(name)) return (value as string[][]).map(([id, words]) => [id, told(words)]);
    if (name === "protein") {
      const protein = value as { name: string; labels: string[] };
      const labels = protein.labels.map((label, k) => (k % 3 === 0 ? told(label) : label));
      return { ...protein, name: told(protein.name), labels };
    }
    const plain = value !== null && Object.getPrototypeOf(value) === Object.prototype;
    return plain ? withText(text, value as Record<string, unknown>) : value;
  };
  return Object.fromEntries(
    Object.entries(traits).map(([name, value]) => [name, entry(name, value)]),
  );
}
