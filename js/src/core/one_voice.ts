/** Of the views of one protein only the topmost says what they would all say. */
import { onPage } from "./page_bus";

type Say = (text: string) => void;
interface Voice {
  text: string;
  place: Element;
}

/** A function that has `say` called with its text, or with none while a view above speaks. */
export function oneVoice(id: string, place: Element, signal: AbortSignal, say: Say): Say {
  const voices = onPage("voices", id, () => new Map<Say, Voice>());
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
