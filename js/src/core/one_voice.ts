/** Of the views of one protein only the first says what they would all say. */

type Say = (text: string) => void;

const VOICES = Symbol.for("plmwidgets.voices");

/** Views are separate bundles: the only place they share is the page. */
function voicesOf(id: string): Map<Say, string> {
  const page = globalThis as { [VOICES]?: Map<string, Map<Say, string>> };
  page[VOICES] ??= new Map();
  const voices = page[VOICES].get(id) ?? new Map<Say, string>();
  page[VOICES].set(id, voices);
  return voices;
}

/** A function that has `say` called with its text, or with none while another view speaks. */
export function oneVoice(id: string, signal: AbortSignal, say: Say): Say {
  const voices = voicesOf(id);
  const tell = (text: string): void => {
    if (text === "") voices.delete(say);
    else voices.set(say, text);
    say("");
    for (const [k, [other, its]] of [...voices].entries()) other(k === 0 ? its : "");
  };
  signal.addEventListener("abort", () => tell(""), { once: true });
  return tell;
}
