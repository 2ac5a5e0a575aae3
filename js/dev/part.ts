/** What the fake kernel is made of: for each view a part that plays its Python. */
import type { FakeModel } from "./fake";
import type { ToyModel } from "./lm";
import type { FakeSelection } from "./selection";

/** What the address of the page asks for; see index.html. */
export interface Options {
  length: number;
  masks: number;
  /** live | pending | empty | estimated | own | sequences | error */
  state: string;
  /** Status of the scan panel. */
  status: string;
  /** Whose scans the map shows, by size. */
  models: string[];
  presenter: boolean;
  /** Put behind all words that the views are given. */
  text: string;
  /** Milliseconds between a gesture and its answer; below 0 there is none, as of a kernel that is gone. */
  delay: number;
}

/** What all parts know. */
export interface World {
  options: Options;
  toy: ToyModel;
  selection: FakeSelection;
}

export type Traits = Record<string, unknown>;

export interface Message {
  type: string;
  [name: string]: unknown;
}

export interface Part {
  /** What Python gives the view when it opens, beside what it gives all views. */
  traits(): Traits;
  /** The view has written traits of its own. */
  saved?(view: FakeModel, changed: Traits): void;
  /** The view has sent a message. */
  heard?(view: FakeModel, message: Message): void;
  /** Something else is selected, by this view or another one. */
  selected?(view: FakeModel): void;
  /** The pair scan has come to a share of its pairs. */
  scanned?(view: FakeModel, share: number): void;
}
