/** The protein in 3D: coloured by residue, with the pairs that depend on each other. */
import { type ArrayEnvelope, decodeArray } from "../../core/arrays";
import type { ScaleKind } from "../../core/colour";
import { element } from "../../core/elements";
import { readTheme } from "../../core/theme";
import { defineView, type View, type ViewContext } from "../../core/view";
import { paintResidues } from "./colouring";
import { Controls } from "./controls";
import { listenToKeys } from "./keys";
import { Legend } from "./legend";
import { marksOf } from "./marks";
import { type Marks, Overlay } from "./overlay";
import { Pace } from "./pace";
import type { TopPair } from "./pairs";
import { listenToPointer } from "./pointer";
import { NoWebGL, type Pick, Scene } from "./scene";
import css from "./structure_view.css";

const NO_STRUCTURE =
  "Open a PDB or mmCIF file as the protein, or use Protein.from_alphafold, to see it here in 3D.";
const NO_WEBGL =
  "This browser gives no WebGL, which the 3D drawing needs. Turn on hardware acceleration in its " +
  "settings, or use another browser. All other views work without it.";
const LOST =
  "The browser stopped this drawing, because too many 3D views are open or the graphics driver " +
  "was restarted.";

class StructureView implements View {
  #context: ViewContext;
  #host: HTMLElement;
  #canvas = element("div", { class: "structure-canvas" });
  #overlay = new Overlay();
  #message = element("div", { class: "structure-message", role: "status" });
  #frame = element(
    "div",
    { class: "structure-frame" },
    this.#canvas,
    this.#overlay.node,
    this.#message,
  );
  #controls: Controls;
  #legend = new Legend();
  #scene: Scene | null = null;
  /** The text that is drawn, and the one that is being read. */
  #drawn: string | null = null;
  #reading: string | null = null;
  /** The one that could not be drawn: try no more until it is another. */
  #failed: string | null = null;
  #values: { envelope: ArrayEnvelope | null; array: ArrayLike<number> | null } = {
    envelope: null,
    array: null,
  };
  #size = "";
  #pairLength: number | null = null;
  #pace: Pace;
  /** What was drawn last, but for the pairs, which a scan changes all the time. */
  #wish: readonly unknown[] = [];

  constructor(context: ViewContext) {
    this.#context = context;
    const { model, root, signal } = context;
    this.#host = context.host;
    this.#controls = new Controls(model, signal, {
      centre: () => this.#scene?.centre(),
      spin: (on) => {
        if (this.#scene) this.#scene.spinning = on;
      },
    });
    this.#message.before(this.#controls.corner);
    root.append(this.#controls.node, this.#frame, this.#legend.node);
    this.#pace = new Pace(signal, () => {
      if (this.#drawn === null) return;
      this.#drawScene();
      this.hover();
    });
    // For tests in a browser: where a residue's CA is drawn, in CSS pixels from the canvas's top left.
    Object.assign(this.#host, {
      plmProject: (position: number) => this.#scene?.project(position) ?? null,
    });
    signal.addEventListener("abort", () => this.#end(), { once: true });
  }

  draw(): void {
    const { masked, pair } = this.#context.selection.state;
    this.#host.dataset.masked = masked.join(",");
    this.#host.dataset.pair = pair?.join(",") ?? "";
    const structure = this.#context.model.get("structure") as string | null;
    const idle = !structure || structure === this.#failed;
    for (const node of [this.#controls.node, this.#legend.node]) node.hidden = idle;
    if (!structure) {
      this.#end();
      const waiting = String(this.#context.model.get("waiting") ?? "");
      this.#say(waiting ? "No structure yet" : "No structure", waiting || NO_STRUCTURE);
    }
    if (idle || this.#frame.clientWidth === 0) return;
    this.#say("", "");
    if (!this.#scene && !this.#start()) return;
    const { clientWidth, clientHeight } = this.#frame;
    const size = `${clientWidth} ${clientHeight} ${globalThis.devicePixelRatio}`;
    if (size !== this.#size) this.#scene?.resize();
    this.#size = size;
    if (this.#drawn === structure) this.#pace.ask(this.#isUrgent());
    else if (this.#reading !== structure) this.#read(structure);
    this.#drawAround();
  }

  hover(): void {
    this.#overlay.draw(this.#marks());
  }

  #start(): boolean {
    try {
      this.#scene = new Scene(this.#canvas);
    } catch (error) {
      if (!(error instanceof NoWebGL)) throw error;
      this.#fail("The structure cannot be drawn", NO_WEBGL);
      return false;
    }
    const scene = this.#scene;
    scene.onRendered(() => {
      this.#pace.rendered();
      scene.refined = !this.#pace.slow;
      this.hover();
    });
    listenToPointer(scene, this.#context.signal, {
      hover: (pick) => this.#context.selection.setHover(positionsOf(pick)),
      click: (pick) => this.#click(pick),
    });
    listenToKeys(scene.canvas, this.#context.signal, scene);
    const lost = (event: Event): void => {
      event.preventDefault();
      if (this.#scene === scene) this.#offerRestart();
    };
    scene.canvas.addEventListener("webglcontextlost", lost, { signal: this.#context.signal });
    return true;
  }

  #read(structure: string): void {
    this.#reading = structure;
    this.#drawn = null;
    delete this.#host.dataset.structureReady;
    const scene = this.#scene;
    if (!scene) return;
    scene.load(structure).then(
      () => {
        // Something else may have been asked for while this was read.
        if (this.#reading !== structure || this.#scene !== scene) return;
        this.#reading = null;
        this.#drawn = structure;
        this.draw();
        this.hover();
        this.#host.dataset.structureReady = "true";
      },
      (error: unknown) => {
        if (this.#scene !== scene) return;
        this.#fail("The structure could not be read", `The 3D engine says: ${error}`);
      },
    );
  }

  /** Whether something else than the pairs changed. */
  #isUrgent(): boolean {
    const { model, root, selection } = this.#context;
    const wish = [
      selection.state,
      root.dataset.theme,
      this.#size,
      ...["values", "value_range", "value_kind", "colour_by", "top_k"].map((name) =>
        model.get(name),
      ),
    ];
    const urgent = wish.some((part, k) => part !== this.#wish[k]);
    this.#wish = wish;
    return urgent;
  }

  #drawScene(): void {
    const { model, root, selection, protein } = this.#context;
    const scene = this.#scene;
    if (!scene) return;
    const theme = readTheme(root);
    const { masked, pair } = selection.state;
    scene.setBackground(getComputedStyle(root).backgroundColor);
    scene.paint(
      paintResidues(protein.sequence, {
        values: this.#decoded(),
        kind: model.get("value_kind") as ScaleKind,
        limits: this.#limits(),
        chemistry: this.#byChemistry(),
        unknown: theme.dark ? 0x767d88 : 0xb4bac3,
      }),
    );
    scene.setMasked(masked, theme.mask);
    this.#host.dataset.cylinders = String(scene.setPairs(this.#pairs()));
    this.#pairLength = scene.setSelectedPair(pair, theme.accent);
  }

  #drawAround(): void {
    const { model, protein, selection } = this.#context;
    const { masked } = selection.state;
    this.#controls.draw();
    this.#legend.draw({
      chemistry: this.#byChemistry(),
      label: String(model.get("value_label") ?? ""),
      kind: model.get("value_kind") as ScaleKind,
      limits: this.#limits(),
      classes: this.#classes(),
      known: this.#decoded() !== null,
      masked: masked.length,
      pairs: this.#pairs(),
    });
    const canvas = this.#scene?.canvas;
    canvas?.setAttribute("role", "img");
    canvas?.setAttribute(
      "aria-label",
      `3D structure of ${protein.name}, ${masked.length} of ${protein.sequence.length} residues ` +
        "masked. Use the sequence to mask residues by keyboard.",
    );
  }

  #marks(): Marks {
    const { selection, protein, model } = this.#context;
    const scene = this.#drawn === null ? null : this.#scene;
    return marksOf({
      spot: (position) => scene?.project(position) ?? null,
      tip: (position) => scene?.projectTip(position) ?? null,
      labels: protein.labels,
      hover: selection.hover,
      state: selection.state,
      pairLength: this.#pairLength,
      values: this.#byChemistry() ? null : this.#decoded(),
      valueLabel: String(model.get("value_label") ?? ""),
      classes: this.#classes(),
    });
  }

  #click(pick: Pick): void {
    if (!pick) return;
    if ("pair" in pick) this.#context.selection.selectPair(...pick.pair);
    else this.#context.selection.toggleMask(pick.residue);
  }

  #byChemistry(): boolean {
    return this.#context.model.get("colour_by") === "chemistry";
  }

  #classes(): readonly string[] {
    return (this.#context.model.get("value_classes") as string[] | undefined) ?? [];
  }

  #limits(): readonly [number, number] {
    const [low = 0, high = 1] = (this.#context.model.get("value_range") as number[] | null) ?? [];
    return [low, high];
  }

  #pairs(): readonly TopPair[] {
    const { model } = this.#context;
    const pairs = (model.get("pairs") as TopPair[] | null) ?? [];
    // While the kernel has not answered yet, fewer pairs can be shown at once.
    return pairs.slice(0, Number(model.get("top_k") ?? 0));
  }

  #decoded(): ArrayLike<number> | null {
    const envelope = this.#context.model.get("values") as ArrayEnvelope | null;
    if (envelope !== this.#values.envelope) {
      this.#values = { envelope, array: envelope ? decodeArray(envelope).values : null };
    }
    return this.#values.array;
  }

  #offerRestart(): void {
    const again = element("button", { type: "button" }, "Draw it again");
    again.addEventListener(
      "click",
      () => {
        this.#failed = null;
        this.draw();
      },
      { signal: this.#context.signal },
    );
    this.#fail("The drawing was lost", LOST, again);
  }

  #fail(title: string, text: string, ...more: Node[]): void {
    this.#failed = this.#context.model.get("structure") as string | null;
    this.#end();
    this.#say(title, text, ...more);
    for (const node of [this.#controls.node, this.#legend.node]) node.hidden = true;
  }

  #say(title: string, text: string, ...more: Node[]): void {
    this.#message.hidden = title === "";
    this.#frame.classList.toggle("structure-small", title !== "");
    this.#message.replaceChildren(
      element("div", { class: "plm-title" }, title),
      element("div", { class: "plm-muted" }, text),
      ...more,
    );
  }

  #end(): void {
    const scene = this.#scene;
    this.#scene = null;
    this.#drawn = null;
    this.#reading = null;
    this.#size = "";
    delete this.#host.dataset.structureReady;
    scene?.dispose();
    this.#overlay.draw({ rings: [], hover: "", pair: null });
  }
}

function positionsOf(pick: Pick): readonly number[] {
  if (!pick) return [];
  return "pair" in pick ? pick.pair : [pick.residue];
}

export default defineView({
  name: "structure_view",
  label: "Structure",
  css,
  traits: [
    "structure",
    "waiting",
    "values",
    "value_label",
    "value_range",
    "value_kind",
    "value_classes",
    "colour_by",
    "pairs",
    "top_k",
    "top_k_max",
  ],
  create: (context) => new StructureView(context),
});
