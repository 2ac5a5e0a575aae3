/** Plays Python for the progress of a scan. */
import type { FakeModel } from "../fake";
import type { Part, World } from "../part";
import { commanded, scanTrait } from "../scan";

export function scanPanel({ options, toy }: World): Part {
  const scan = (status: string) => ({ scan: scanTrait(toy.sequence.length, status) });
  return {
    traits: () => scan(options.status),
    heard: (view: FakeModel, { type }) => view.receive(scan(commanded(type))),
    scanned: (view) => view.receive(scan(options.status)),
  };
}
