/** Plays Python for a grid of attention heads: stripes, and contacts in some heads. */
import { envelope, randomSource } from "../fake";
import type { Part, World } from "../part";

const ROWS = 4;
const HEADS = 6;

export function attentionGrid({ options: { state }, toy }: World): Part {
  const side = Math.min(64, toy.sequence.length);
  const random = randomSource(11);
  const pictures = new Uint8Array(ROWS * HEADS * side * side);
  const precision = new Float32Array(ROWS * HEADS);
  const contacts = toy.pairMap(1, 0);
  const length = toy.sequence.length;
  for (let at = 0; at < ROWS * HEADS; at += 1) {
    const reads = at % 5 === 3;
    precision[at] = reads ? 0.4 + 0.5 * random() : 0.2 * random();
    for (let y = 0; y < side; y += 1) {
      for (let x = 0; x < side; x += 1) {
        const [i, j] = [Math.floor((y * length) / side), Math.floor((x * length) / side)];
        const touching = (contacts[i * length + j] ?? 0) > 0.5 ? 220 : 20;
        const stripe = Math.max(0, 255 - 60 * Math.abs(y - x - (at % 7) + 3));
        pictures[(at * side + y) * side + x] = (reads ? touching : stripe) * (0.7 + 0.3 * random());
      }
    }
  }
  const empty = state === "empty" || state === "error";
  const traits = {
    pictures: empty ? null : envelope(pictures, ROWS, HEADS, side, side),
    precision: empty ? null : envelope(precision, ROWS, HEADS),
    layers: Array.from({ length: ROWS }, (_, k) => k),
    heads: HEADS,
    layer: ROWS - 1,
    head: 0,
    show: "weights",
    automatic: true,
    pending: state === "pending",
    stale: false,
    seconds: 0.4,
  };
  return { traits: () => traits };
}
