/** Plays Python for a training: curves that are made up, but fall as real ones. */
import { envelope } from "../fake";
import type { Part, Traits, World } from "../part";
import { commanded } from "../scan";

export function trainingCurve({ options }: World): Part {
  return {
    traits: () => traitsOf(options.state, options.status),
    heard: (view, { type }) => view.receive(traitsOf(options.state, commanded(type))),
  };
}

function traitsOf(state: string, status: string): Traits {
  const total = 400;
  const done = state === "empty" ? 0 : status === "finished" ? total : 250;
  const losses = new Float32Array(2 * done);
  const at = (step: number): number => 2.35 + 0.4 * Math.exp(-step / 90);
  for (let step = 0; step < done; step += 1) {
    losses.set([step + 1, at(step) + 0.12 * Math.sin(12.9898 * step * step)], 2 * step);
  }
  const count = done / 20 + 1;
  const evaluations = new Float32Array(3 * Math.floor(count));
  for (let k = 0; k < Math.floor(count); k += 1) {
    evaluations.set([20 * k, at(20 * k) + 0.03 + 0.0002 * k * k, 0.2 + 0.005 * k], 3 * k);
  }
  const failed = status === "failed";
  return {
    losses: envelope(losses, done, 2),
    evaluations: envelope(evaluations, Math.floor(count), 3),
    training: {
      title: "Fine-tuning of toy",
      status: state === "empty" ? "ready" : status,
      stage: "",
      unit: "steps",
      done,
      total,
      estimated: 0,
      share: done / total,
      rate: status === "running" ? 12 : null,
      remaining: status === "running" ? 13 : null,
      elapsed: 21,
      store: null,
      model: "toy",
      method: "LoRA, rank 8",
      precision: "",
      message: failed ? "the loss is nan at step 251: give a smaller learning_rate" : "",
      task: "masked-lm",
      best_step: status === "finished" ? 200 : null,
    },
  };
}
