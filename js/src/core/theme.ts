/** Canvas drawings cannot use CSS variables: read them, and say when the host's theme changes. */

export interface Theme {
  dark: boolean;
  background: string;
  text: string;
  muted: string;
  line: string;
  accent: string;
  mask: string;
  /** Of the ground where nothing is known. */
  hatchGround: string;
  hatchLine: string;
  font: string;
}

export function readTheme(element: HTMLElement): Theme {
  const style = getComputedStyle(element);
  const value = (name: string) => style.getPropertyValue(name).trim();
  return {
    dark: isDark(),
    background: value("--plm-background"),
    text: value("--plm-text"),
    muted: value("--plm-muted"),
    line: value("--plm-line"),
    accent: value("--plm-accent"),
    mask: value("--plm-mask"),
    hatchGround: value("--plm-hatch-ground"),
    hatchLine: value("--plm-hatch-line"),
    font: value("--plm-font"),
  };
}

/** Jupyter, VS Code and marimo mark the body; a plain page follows the system. */
export function isDark(): boolean {
  const body = document.body;
  const { vscodeThemeKind } = body.dataset;
  if (vscodeThemeKind) return ["vscode-dark", "vscode-high-contrast"].includes(vscodeThemeKind);
  if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false";
  if (body.classList.contains("dark") || body.classList.contains("dark-theme")) return true;
  if (body.classList.contains("light") || body.classList.contains("light-theme")) return false;
  return globalThis.matchMedia?.("(prefers-color-scheme: dark)").matches ?? false;
}

/** Keep `data-theme` on the view's root in step with the host, and redraw on a change. */
export function followTheme(root: HTMLElement, signal: AbortSignal, redraw: () => void): void {
  const apply = (): void => {
    const theme = isDark() ? "dark" : "light";
    if (root.dataset.theme === theme) return;
    root.dataset.theme = theme;
    redraw();
  };
  root.dataset.theme = isDark() ? "dark" : "light";
  const observer = new MutationObserver(apply);
  observer.observe(document.body, {
    attributes: true,
    attributeFilter: [
      "class",
      "data-jp-theme-light",
      "data-jp-theme-name",
      "data-vscode-theme-kind",
    ],
  });
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  globalThis.matchMedia?.("(prefers-color-scheme: dark)").addEventListener("change", apply, {
    signal,
  });
}

export type Rgb = readonly [number, number, number];

const known = new Map<string, Rgb>();

/** Any CSS colour as 0..255 a channel, for what cannot read CSS; let the browser parse it. */
export function rgbOf(css: string): Rgb {
  let rgb = known.get(css);
  if (!rgb) {
    const context = new OffscreenCanvas(1, 1).getContext("2d");
    if (!context) throw new Error("the browser gave no canvas to draw on");
    context.fillStyle = css;
    context.fillRect(0, 0, 1, 1);
    const [r = 0, g = 0, b = 0] = context.getImageData(0, 0, 1, 1).data;
    rgb = [r, g, b];
    known.set(css, rgb);
  }
  return rgb;
}
