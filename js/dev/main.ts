/** Shows views on a plain page; the address says which, see index.html. */
import { FakeKernel } from "./kernel";

const query = new URLSearchParams(location.search);
const option = (name: string, fallback: string) => query.get(name) ?? fallback;

document.body.classList.add(option("theme", "light"));
const kernel = new FakeKernel({
  length: Number(option("length", "64")),
  masks: Number(option("masks", "2")),
  state: option("state", "live"),
  status: option("status", "ready"),
  models: option("models", "8M").split(","),
  presenter: option("presenter", "") !== "",
  text: option("text", ""),
  two: option("two", ""),
  delay: Number(option("delay", "20")),
});
Object.assign(globalThis, { dev: kernel });

const main = document.querySelector("main");
if (!main) throw new Error("the page has no <main>");
main.style.width = `${option("width", "1000")}px`;
for (const name of option("views", "sequence_strip,distributions").split(",")) {
  const el = document.createElement("section");
  main.append(el);
  const address = `./views/${name}.js`; // in a variable, so that esbuild leaves it to the browser
  const { default: view } = await import(address);
  const controller = new AbortController();
  await view.render({ model: kernel.model(name), el, signal: controller.signal });
}

if (option("reload", "1") === "1") {
  new EventSource("/esbuild").addEventListener("change", () => location.reload());
}
