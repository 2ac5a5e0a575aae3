/** What the kernel says, read from the model when it is asked for and decoded once. */
import type { ArrayEnvelope } from "../../core/arrays";
import type { Options } from "../../core/choice";
import type { ProteinInfo, ViewModel } from "../../core/model";
import { decodeMap, decodeMatrix, extentOf, type MapTrait, type PairMap } from "./maps";
import type { Estimates } from "./marks";
import type { Region } from "./region";
import type { Scale } from "./sides";
import type { Progress } from "./status";
import { describeCell, sameMap } from "./tooltip_text";
import type { Cell } from "./window";

export type Half = "upper" | "lower";

export class Traits {
  #model: ViewModel;
  #protein: ProteinInfo;
  #length: number;
  #maps = { upper: new Decoded<MapTrait, PairMap>(), lower: new Decoded<MapTrait, PairMap>() };
  #distances = new Decoded<ArrayEnvelope, ArrayLike<number>>();
  #estimated = new Decoded<ArrayEnvelope, ArrayLike<number>>();

  constructor(model: ViewModel, protein: ProteinInfo) {
    this.#model = model;
    this.#protein = protein;
    this.#length = protein.sequence.length;
  }

  map(half: Half): PairMap | null {
    const trait = this.#model.get(`${half}_map`) as MapTrait | null;
    return this.#maps[half].of(trait, (given) => decodeMap(given, this.#length));
  }

  /** The maps that there are: none, one or two. */
  get maps(): PairMap[] {
    return [this.map("upper"), this.map("lower")].filter((map) => map !== null);
  }

  /** Whether a cell of a map has no value, or there is no map. */
  get gaps(): boolean {
    const cells = this.#length * (this.#length - 1);
    return this.maps.length < 2 || this.maps.some(({ known }) => known < cells);
  }

  /** The largest noise floor of the maps shown; null where none is known. */
  get floor(): number | null {
    const floors = this.maps.map(({ floor }) => floor).filter((floor) => floor !== null);
    return floors.length > 0 ? Math.max(...floors) : null;
  }

  /** Which cells are estimated; null where all are computed. */
  get estimates(): Estimates | null {
    const envelope = this.#model.get("estimated") as ArrayEnvelope | null;
    const cells = this.#estimated.of(envelope, (given) => decodeMatrix(given, this.#length));
    const scanned = (half: Half) => this.map(half)?.scanned ?? false;
    return cells && { cells, upper: scanned("upper"), lower: scanned("lower") };
  }

  /** The region that is computed first; null where there is none or it is done. */
  get region(): Region | null {
    return (this.#model.get("region") as Region | null) ?? null;
  }

  /** Whether a scan runs or waits to, with pairs left to compute. */
  get scanning(): boolean {
    const { progress } = this;
    if (!progress || progress.done >= progress.total) return false;
    return ["ready", "running", "paused"].includes(progress.status);
  }

  name(half: Half): string {
    return String(this.#model.get(half));
  }

  /** Whose map is in a half. */
  model(half: Half): string {
    return String(this.#model.get(`${half}_model`));
  }

  /** The models that there are scans of; one or more. */
  get models(): readonly string[] {
    return (this.#model.get("models") as string[] | null) ?? [];
  }

  get options(): Options {
    return (this.#model.get("options") as Options | null) ?? [];
  }

  /** What one half shows, where its dropdown does not say all of it. */
  caption(half: Half): string {
    const map = this.map(half);
    const chosen = this.options.find(([name]) => name === map?.name);
    return map && map.label !== chosen?.[1] ? map.label : "";
  }

  get normalisation(): string {
    return String(this.#model.get("normalisation"));
  }

  get normalisations(): Options {
    return (this.#model.get("normalisations") as Options | null) ?? [];
  }

  /** Set by hand for the upper map; null otherwise. */
  get limits(): readonly [number, number] | null {
    return (this.#model.get("colour_limits") as [number, number] | null) ?? null;
  }

  get progress(): Progress | null {
    return (this.#model.get("progress") as Progress | null) ?? null;
  }

  /** The colour scale of one half; null without a map. */
  scale(half: Half, dark: boolean): Scale | null {
    const map = this.map(half);
    if (!map) return null;
    // The same map twice has one scale: the upper one's.
    const upper = this.map("upper");
    const shared = half === "upper" || (upper !== null && sameMap(upper, map));
    const custom = shared ? this.limits : null;
    return {
      kind: map.kind,
      unit: map.unit,
      limits: custom ?? map.limits,
      extent: extentOf(map),
      custom: custom !== null,
      dark,
    };
  }

  describe({ i, j }: Cell): string {
    const envelope = this.#model.get("distances") as ArrayEnvelope | null;
    const { progress } = this;
    return describeCell(i, j, {
      labels: this.#protein.labels,
      length: this.#length,
      maps: this.maps,
      distances: this.#distances.of(envelope, (given) => decodeMatrix(given, this.#length)),
      estimated: this.estimates?.cells ?? null,
      running: progress !== null && progress.done < progress.total,
    });
  }
}

/** Decodes a trait again only when it is another object. */
class Decoded<T, R> {
  #trait: T | null = null;
  #result: R | null = null;

  of(trait: T | null, decode: (trait: T) => R): R | null {
    if (trait !== this.#trait) {
      this.#result = trait === null ? null : decode(trait);
      this.#trait = trait;
    }
    return this.#result;
  }
}
