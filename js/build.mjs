// Builds one self-contained bundle per view, and the host of pages without a kernel, into the Python
// package and prints their sizes.
import { rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { entryOf, here, options, viewNames } from "./bundle.mjs";
import { thirdParty } from "./licences.mjs";

const outdir = process.argv[2] ?? join(here, "..", "src", "plmwidgets", "static");
const LIMIT_KB = 100;
const UNLIMITED = new Set(["structure_view"]); // carries the NGL engine

const names = [...(await viewNames()), "page"];
await rm(outdir, { recursive: true, force: true });
const { metafile } = await build({
  ...options,
  entryPoints: {
    loader: join(here, "src", "loader.ts"),
    ...Object.fromEntries(names.map((name) => [name, entryOf(name)])),
  },
  outdir,
  minify: true,
  metafile: true,
});
await writeFile(join(outdir, "THIRD-PARTY.txt"), await thirdParty(metafile));
for (const name of names) {
  const kb = (await stat(join(outdir, `${name}.js`))).size / 1000;
  console.log(`${name.padEnd(18)} ${kb.toFixed(1).padStart(8)} kB`);
  if (kb > LIMIT_KB && !UNLIMITED.has(name)) {
    throw new Error(`${name} is ${kb.toFixed(0)} kB; a view should stay under ${LIMIT_KB} kB`);
  }
}
