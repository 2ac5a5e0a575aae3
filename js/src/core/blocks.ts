/** Residues in blocks of ten that wrap with the width; see blocks.css. */
import { element } from "./elements";
import { magnification } from "./place";

export const BLOCK = 10;

/** Put a cell for each residue into blocks, under the number of the first. */
export function blocks(cells: readonly HTMLElement[], labels: readonly string[]): HTMLElement[] {
  const made: HTMLElement[] = [];
  for (let start = 0; start < cells.length; start += BLOCK) {
    const number = (labels[start] ?? "").slice(1);
    made.push(
      element(
        "div",
        { class: "strip-block", role: "none" },
        element("div", { class: "strip-number", "aria-hidden": "true" }, number),
        element(
          "div",
          { class: "strip-cells", role: "none" },
          ...cells.slice(start, start + BLOCK),
        ),
      ),
    );
  }
  return made;
}

/** Keep a cell in sight when its list scrolls, without moving the page. */
export function bringIntoSight(list: HTMLElement, cell: HTMLElement | undefined): void {
  if (!cell) return;
  const frame = list.getBoundingClientRect();
  const box = cell.getBoundingClientRect();
  const margin = box.height;
  const scale = magnification(list);
  const above = frame.top - (box.top - margin);
  const below = box.bottom + margin - frame.bottom;
  if (above > 0) list.scrollTop -= above / scale;
  if (below > 0) list.scrollTop += below / scale;
}

/** Where a key moves the focus in rows of `perRow` residues; null when the key is not for that. */
export function moveFocus(
  key: string,
  focus: number | null,
  length: number,
  perRow: number,
): number | null {
  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -perRow,
    ArrowDown: perRow,
    Home: -length,
    End: length,
  };
  const step = steps[key];
  if (step === undefined || length === 0) return null;
  if (focus === null) return key === "End" ? length - 1 : 0;
  const next = focus + step;
  if (Math.abs(step) === perRow && (next < 0 || next >= length)) return focus;
  return Math.max(0, Math.min(length - 1, next));
}

/** The position of the cell under an element, or null between cells. */
export function positionOf(target: Element | null | undefined): number | null {
  const cell = target?.closest<HTMLElement>("[data-position]");
  return cell ? Number(cell.dataset.position) : null;
}
