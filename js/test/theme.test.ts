import { afterEach, describe, expect, it } from "vitest";
import { isDark } from "../src/core/theme";

afterEach(() => {
  for (const { name } of [...document.body.attributes]) document.body.removeAttribute(name);
});

describe("the host's theme", () => {
  it.each([
    [{ "data-jp-theme-light": "false" }, true],
    [{ "data-jp-theme-light": "true" }, false],
    [{ "data-vscode-theme-kind": "vscode-dark" }, true],
    [{ "data-vscode-theme-kind": "vscode-high-contrast" }, true],
    [{ "data-vscode-theme-kind": "vscode-light" }, false],
    [{ "data-vscode-theme-kind": "vscode-high-contrast-light" }, false],
    // VS Code's own mark counts, whatever a widget of another package puts beside it
    [{ "data-vscode-theme-kind": "vscode-dark", "data-jp-theme-light": "true" }, true],
    [{ class: "dark" }, true],
    [{ class: "light" }, false],
  ])("%o", (marks, dark) => {
    for (const [name, value] of Object.entries(marks)) document.body.setAttribute(name, value);
    expect(isDark()).toBe(dark);
  });
});
