/** The 3D engine behind the view: all that is known of NGL stays in this file. */
import {
  ColormakerRegistry,
  type Component,
  type RepresentationElement,
  Shape,
  type ShapeComponent,
  Stage,
  type StructureComponent,
  Vector3,
} from "ngl";
import { rgbOf } from "../../core/theme";
import { fitCamera } from "./camera";
import { distance, PAIR_STYLES, type Point, styleOf, type TopPair } from "./pairs";
import { addPair, type Dash, hexOf, unit } from "./shapes";

/** What lies under the pointer. */
export type Pick = { residue: number } | { pair: readonly [number, number] } | null;

const MANY_RESIDUES = 500;
/** A ribbon needs as many residues bound to each other; NGL draws nothing of fewer. */
const SHORTEST_RIBBON = 4;
const LOOSE_BALL = 0.9;
const SIDE_CHAINS_UP_TO = 24;
/** Radius of the ball of a masked residue, in Å: it must stand out of a ribbon. */
const BALL = 1.3;
/** How far from a CA, in pixels, the pointer still means its residue. */
const SNAP = 9;
/** Whether the browser gave a WebGL context is known only after asking for one. */
export class NoWebGL extends Error {}

export class Scene {
  readonly canvas: HTMLCanvasElement;
  #stage: Stage;
  #scheme: string;
  #colours: Uint32Array = new Uint32Array();
  #structure: StructureComponent | null = null;
  /** What is coloured by residue: the ribbon, and balls where there is none. */
  #painted: RepresentationElement[] = [];
  #sideChains: RepresentationElement | null = null;
  /** As asked for last: NGL renders again for parameters that it has already. */
  #background = "";
  #sideChainsOf = "";
  #trace: (Point | undefined)[] = [];
  #tips: (Point | undefined)[] = [];
  #shapes = new Map<string, { key: string; component: Component }>();

  constructor(container: HTMLElement) {
    this.#stage = new Stage(container, {
      tooltip: false,
      workerDefault: false,
      fogNear: 62,
      fogFar: 115,
      lightIntensity: 1.1,
      ambientIntensity: 0.5,
    });
    // NGL answers a missing context with a link of its own in the page, and goes on.
    if (!this.#stage.viewer.renderer) {
      container.replaceChildren();
      throw new NoWebGL("no WebGL");
    }
    this.canvas = this.#stage.viewer.renderer.domElement;
    // The view has its own clicks and hover; NGL would render the scene to pick once more.
    this.#stage.pickingBehavior.dispose();
    for (const action of ["scroll-shift", "scroll-ctrl", "scroll-shift-ctrl", "drag-middle"]) {
      this.#stage.mouseControls.remove(action);
    }
    const colours = (): Uint32Array => this.#colours;
    this.#scheme = ColormakerRegistry.addScheme(function () {
      this.atomColor = (atom) => colours()[atom.resno - 1] ?? 0x9aa0a8;
    });
  }

  /** Read mmCIF whose residue numbers are positions + 1, and show all of it. */
  async load(cif: string): Promise<void> {
    this.clear();
    const file = new Blob([cif], { type: "text/plain" });
    const component = await this.#stage.loadFile(file, {
      ext: "cif",
      defaultRepresentation: false,
    });
    if (!component) throw new Error("the structure could not be read");
    this.#structure = component as StructureComponent;
    this.#readAtoms();
    const quality = this.#trace.length > MANY_RESIDUES ? "medium" : "high";
    this.#painted.push(
      this.#structure.addRepresentation("cartoon", {
        color: this.#scheme,
        quality,
        aspectRatio: 5,
        radiusScale: 0.75,
        smoothSheet: true,
        roughness: 0.55,
      }),
    );
    const loose = this.#loose();
    if (loose.length > 0) {
      this.#painted.push(
        this.#structure.addRepresentation("spacefill", {
          sele: `(${loose.map((position) => position + 1).join(" or ")}) and .CA`,
          color: this.#scheme,
          quality,
          radiusType: "size",
          radiusSize: LOOSE_BALL,
          roughness: 0.55,
        }),
      );
    }
    this.#faceTheViewer();
  }

  clear(): void {
    this.#shapes.clear();
    this.#structure = null;
    this.#painted = [];
    this.#sideChains = null;
    this.#trace = [];
    this.#tips = [];
    this.#stage.removeAllComponents();
  }

  /** One 0xrrggbb a position. */
  paint(colours: Uint32Array): void {
    if (
      colours.length === this.#colours.length &&
      colours.every((c, k) => c === this.#colours[k])
    ) {
      return;
    }
    this.#colours = colours;
    for (const painted of this.#painted) painted.update({ color: true });
    this.#stage.viewer.requestRender();
  }

  setBackground(css: string): void {
    if (css === this.#background) return;
    this.#background = css;
    this.#stage.setParameters({ backgroundColor: hexOf(rgbOf(css)) });
  }

  /** Masked residues: a ball on the ribbon, and the side chain while they are few. */
  setMasked(masked: readonly number[], css: string): void {
    const few = masked.length <= SIDE_CHAINS_UP_TO ? masked : [];
    this.#setShape("masked", `${css} ${masked}`, (shape) => {
      for (const position of masked) {
        const at = this.#trace[position];
        if (at) shape.addSphere([...at], unit(rgbOf(css)), BALL, String(position));
      }
    });
    const selection = few.length > 0 ? few.map((p) => `${p + 1}`).join(" or ") : "none";
    const sele = `(${selection}) and (sidechain or .CA)`;
    if (this.#sideChains && this.#sideChainsOf === `${css} ${sele}`) return;
    this.#sideChainsOf = `${css} ${sele}`;
    if (!this.#sideChains) {
      this.#sideChains =
        this.#structure?.addRepresentation("licorice", {
          sele,
          color: hexOf(rgbOf(css)),
          radiusSize: 0.26,
          multipleBond: "off",
        }) ?? null;
      return;
    }
    this.#sideChains.setSelection(sele);
    this.#sideChains.setParameters({ color: hexOf(rgbOf(css)) });
  }

  /** Thin cylinders between side chains; returns how many pairs could be drawn. */
  setPairs(pairs: readonly TopPair[]): number {
    const known = pairs.filter(([i, j]) => this.#tips[i] && this.#tips[j]);
    this.#setShape("pairs", JSON.stringify(known), (shape) => {
      for (const [i, j, contact] of known) {
        const style = PAIR_STYLES[styleOf(contact)];
        this.#addPair(shape, i, j, style.colour, style.radius, style.dash);
      }
    });
    return known.length;
  }

  /** The pair that is selected: a thick cylinder. Returns its length in Å, null if unknown. */
  setSelectedPair(pair: readonly [number, number] | null, css: string): number | null {
    const ends = pair && [this.#tips[pair[0]], this.#tips[pair[1]]];
    const [from, to] = ends ?? [];
    this.#setShape("selected", from && to ? `${css} ${pair}` : "", (shape) => {
      if (pair) this.#addPair(shape, pair[0], pair[1], css, 0.55, null);
    });
    return from && to ? distance(from, to) : null;
  }

  /** What is drawn at a point of the canvas, in CSS pixels from its top left corner. */
  pick(x: number, y: number): Pick {
    const height = this.#stage.viewer.height;
    const found = this.#stage.pickingControls.pick(x, height - y);
    if (!found) return this.#nearest(x, y);
    if (found.type === "sphere" || found.type === "cylinder") {
      const [i = 0, j] = (found.object as { name: string }).name.split(" ").map(Number);
      return j === undefined ? { residue: i } : { pair: [i, j] };
    }
    const atom = found.atom ?? found.closestBondAtom;
    return atom ? { residue: atom.resno - 1 } : null;
  }

  /** Where a residue's CA is drawn, in CSS pixels from the canvas's top left corner. */
  project(position: number): [number, number] | null {
    return this.#projectPoint(this.#trace[position]);
  }

  /** Where the end of a residue's side chain (CB; CA for glycine) is drawn. */
  projectTip(position: number): [number, number] | null {
    return this.#projectPoint(this.#tips[position]);
  }

  onRendered(listener: () => void): void {
    this.#stage.viewer.signals.rendered.add(listener);
  }

  set wheelZooms(on: boolean) {
    this.#stage.mouseObserver.handleScroll = on;
  }

  /** Show all of the structure as large as the frame allows, turned as it is. */
  centre(milliseconds = 300): void {
    const { viewerControls, animationControls, viewer } = this.#stage;
    const rotation = viewerControls.rotation;
    const points = this.#trace.flatMap((at): Point[] => {
      if (!at) return [];
      const { x, y, z } = new Vector3(...at).applyQuaternion(rotation);
      return [[x, y, z]];
    });
    const view = fitCamera(points, viewer.width / viewer.height, viewer.perspectiveCamera.fov);
    if (!view) return;
    const centre = new Vector3(...view.centre).applyQuaternion(rotation.clone().invert());
    animationControls.zoomMove(centre, -view.distance, milliseconds);
  }

  /** Turn about the axes of the window, in radians. */
  turn(right: number, down: number): void {
    const { viewerControls } = this.#stage;
    if (right !== 0) viewerControls.spin([0, 1, 0], right);
    if (down !== 0) viewerControls.spin([1, 0, 0], down);
  }

  zoom(delta: number): void {
    this.#stage.viewerControls.zoom(delta);
  }

  /**
   * Whether a drawing that stays still for half a second is drawn again, eight times over, for
   * smoother edges.
   */
  set refined(on: boolean) {
    this.#stage.viewer.sampleLevel = on ? 0 : -1;
  }

  set spinning(on: boolean) {
    this.#stage.setSpin(on);
  }

  resize(): void {
    this.#stage.handleResize();
  }

  /** Free everything at once: browsers keep few WebGL contexts, and collect them late. */
  dispose(): void {
    this.#stage.setSpin(false);
    this.clear();
    this.#stage.keyBehavior.dispose();
    this.#stage.mouseBehavior.dispose();
    this.#stage.dispose();
    const { viewer } = this.#stage;
    viewer.render = () => {}; // a frame may be asked for already
    const { renderer } = viewer;
    if (!renderer.getContext().isContextLost()) renderer.forceContextLoss();
    viewer.container.replaceChildren();
    ColormakerRegistry.removeScheme(this.#scheme);
  }

  #readAtoms(): void {
    const structure = this.#structure?.structure;
    structure?.eachAtom((atom) => {
      const position = atom.resno - 1;
      const at: Point = [atom.x, atom.y, atom.z];
      if (atom.atomname === "CA") {
        this.#trace[position] = at;
        this.#tips[position] ??= at;
      } else if (atom.atomname === "CB") this.#tips[position] = at;
    });
  }

  /** Residues that no ribbon reaches: short pieces, and chains whose atoms are out of place. */
  #loose(): number[] {
    const reached = new Set<number>();
    this.#structure?.structure.eachPolymer((polymer) => {
      if (polymer.residueCount < SHORTEST_RIBBON) return;
      polymer.eachAtom((atom) => reached.add(atom.resno - 1));
    });
    return [...this.#trace.keys()].filter((k) => this.#trace[k] && !reached.has(k));
  }

  /** Turn the longest axis of the protein across the view. */
  #faceTheViewer(): void {
    const structure = this.#structure?.structure;
    if (!structure) return;
    this.#stage.viewerControls.rotate(structure.getPrincipalAxes().getRotationQuaternion());
    this.#structure?.autoView();
    this.centre(0);
  }

  #addPair(shape: Shape, i: number, j: number, css: string, radius: number, dash: Dash): void {
    const ends = [i, j].map((position) => ({
      position,
      trace: this.#trace[position],
      tip: this.#tips[position],
    }));
    addPair(shape, ends, unit(rgbOf(css)), radius, dash);
  }

  /** Replace one of the drawn shapes when its key changed. */
  #setShape(name: string, key: string, build: (shape: Shape) => void): void {
    const old = this.#shapes.get(name);
    if (old?.key === key) return;
    if (old) this.#stage.removeComponent(old.component);
    const shape = new Shape(name);
    build(shape);
    const component = this.#stage.addComponentFromObject(shape) as unknown as ShapeComponent;
    component.addRepresentation("buffer", { roughness: 0.6 });
    this.#shapes.set(name, { key, component });
    this.#stage.viewer.requestRender();
  }

  /** The residue whose CA is next to a point: ribbons are smooth and may pass beside it. */
  #nearest(x: number, y: number): Pick {
    let residue = -1;
    let closest = SNAP;
    for (const position of this.#trace.keys()) {
      const at = this.project(position);
      const away = at ? Math.hypot(at[0] - x, at[1] - y) : closest;
      if (away < closest) {
        closest = away;
        residue = position;
      }
    }
    return residue < 0 ? null : { residue };
  }

  #projectPoint(point: Point | undefined): [number, number] | null {
    if (!point) return null;
    const { viewerControls, viewer } = this.#stage;
    const { x, y } = viewerControls.getPositionOnCanvas(new Vector3(...point));
    return [x, viewer.height - y];
  }
}
