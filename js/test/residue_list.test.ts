import { describe, expect, it } from "vitest";
import { FakeModel } from "../dev/fake";
import { ResidueList } from "../src/core/residue_list";
import { SelectionLink } from "../src/core/selection";
import { Tooltip } from "../src/core/tooltip";

const LABELS = Array.from({ length: 25 }, (_, i) => `A${i + 1}`);

function walked() {
  const { signal } = new AbortController();
  const state = { masked: [], substitutions: [], focus: null, pair: null, clock: 0 };
  const traits = { selection_id: "list", selection_state: state, hover: [] };
  const selection = new SelectionLink(new FakeModel(traits), signal);
  const root = document.createElement("div");
  const list = new ResidueList(LABELS, "r", { "aria-label": "Residues" });
  root.append(list.node);
  const describe = (position: number) => `residue ${position}`;
  list.walk({ selection, signal, tooltip: new Tooltip(root), describe });
  const press = (key: string) =>
    list.node.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
  return { list, root, selection, press };
}

describe("a list of residues", () => {
  it("has a cell a residue, in blocks of ten under their first number", () => {
    const { list } = walked();
    expect(list.cells.length).toBe(25);
    const numbers = [...list.node.querySelectorAll(".strip-number")];
    expect(numbers.map((node) => node.textContent)).toEqual(["1", "11", "21"]);
    expect(list.node.getAttribute("role")).toBe("listbox");
  });

  it("has one cell in focus, which is the one selected", () => {
    const { list } = walked();
    const chosen = () =>
      list.cells.flatMap((cell, i) => (cell.getAttribute("aria-selected") === "true" ? [i] : []));
    list.focus(3);
    list.focus(12);
    expect(chosen()).toEqual([12]);
    expect(list.node.getAttribute("aria-activedescendant")).toBe("r12");
    list.focus(null);
    expect(chosen()).toEqual([]);
    expect(list.node.hasAttribute("aria-activedescendant")).toBe(false);
  });

  it("leaves what is selected to a view that selects several", () => {
    const list = new ResidueList(LABELS, "r", { "aria-multiselectable": "true" });
    list.focus(3);
    expect(list.cells[3]?.getAttribute("aria-selected")).toBe("false");
    expect(list.cells[3]?.className).toBe("strip-cell is-focus");
  });

  it("marks what is pointed at, here or elsewhere", () => {
    const { list } = walked();
    list.hover([1, 2]);
    list.hover([2, 99]);
    const marked = list.cells.flatMap((cell, i) => (cell.matches(".is-hover") ? [i] : []));
    expect(marked).toEqual([2]);
  });

  it("moves the focus by keys and clicks, and leaves other keys to the page", () => {
    const { list, selection, press } = walked();
    expect(press("ArrowRight")).toBe(false);
    press("ArrowDown");
    expect(selection.state.focus).toBe(10);
    expect(press("x")).toBe(true);
    list.cells[7]?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    expect(selection.state.focus).toBe(7);
  });

  it("says what the pointer is on", () => {
    const { list, root, selection } = walked();
    const tooltip = root.querySelector<HTMLElement>(".plm-tooltip");
    list.cells[4]?.dispatchEvent(new PointerEvent("pointermove", { bubbles: true }));
    expect([selection.hover, tooltip?.textContent]).toEqual([[4], "residue 4"]);
    list.node.dispatchEvent(new PointerEvent("pointerleave"));
    expect([selection.hover, tooltip?.hidden]).toEqual([[], true]);
  });
});
