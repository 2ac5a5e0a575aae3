/** Of the views of one protein only the topmost says what they would all say. */

type Say = (text: string) => void;
interface Voice {
  text: string;
  place: Element;
}

const VOICES = Symbol.for("plmwidgets.voices");

/** Views are separate bundles: the only place they share is the page. */
function voicesOf(id: string): Map<Say, Voice> {
  const page = globalThis as { [VOICES]?: Map<string, Map<Say, Voice>> };
  page[VOICES] ??= new Map();
  const voices = page[VOICES].get(id) ?? new Map<Say, Voice>();
  page[VOICES].set(id, voices);
  return voices;
}

/** A function that has `say` called with its text, or with none while a view above speaks. */
export function oneVoice(id: string, place: Element, signal: AbortSignal, say: Say): Say {
  const voices = voicesOf(id);
  const tell = (text: string): void => {
    if (text === "") voices.delete(say);
    else voices.set(say, { text, place });
    say("");
    const top = (voice: Voice): number => voice.place.getBoundingClientRect().top;
    const ordered = [...voices].sort(([, a], [, b]) => top(a) - top(b));
    for (const [k, [other, voice]] of ordered.entries()) other(k === 0 ? voice.text : "");
  };
  signal.addEventListener("abort", () => tell(""), { once: true });
  return tell;
}
