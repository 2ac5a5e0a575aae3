// What the build and the dev server share: the list of views and how esbuild bundles them.
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const here = dirname(fileURLToPath(import.meta.url));
const NGL_TARGETS = 8;

/**
 * NGL compares an event's target with its canvas. Inside a shadow root the target seen by its
 * document-level listeners is the host element, so ask for the innermost target instead.
 */
const nglInShadowRoots = {
  name: "ngl-in-shadow-roots",
  setup(builder) {
    builder.onLoad({ filter: /ngl\.esm\.js$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      let count = 0;
      const contents = source.replace(
        /\b(\w+)\.target([!=]==this\.domElement)/g,
        (_, name, rest) => {
          count += 1;
          return `${name}.composedPath()[0]${rest}`;
        },
      );
      if (count !== NGL_TARGETS) {
        throw new Error(`expected ${NGL_TARGETS} event targets to patch in NGL, found ${count}`);
      }
      return { contents, loader: "js" };
    });
  },
};

/** A view is a folder under src/views. */
export async function viewNames() {
  const entries = await readdir(join(here, "src", "views"), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

/** The entry of a view, or of "page": the host of pages without a kernel. */
export function entryOf(name) {
  const folder = name === "page" ? ["page"] : ["views", name];
  return join(here, "src", ...folder, "index.ts");
}

export const options = {
  bundle: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  loader: { ".css": "text" },
  // VS Code's pages have an AMD loader: a package that finds it would not end up in the bundle.
  define: { define: "undefined" },
  plugins: [nglInShadowRoots],
  logLevel: "warning",
};
