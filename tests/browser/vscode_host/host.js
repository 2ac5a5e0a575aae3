// Shows a cell's widget as VS Code's renderer does: its build of the widget manager, its way to
// find the code of other widgets (nbextensions beside Python, through requirejs), a real kernel.
import { activate } from "./ipywidgets.js";
import { Kernel } from "./kernel.js";

const WIDGET = "application/vnd.jupyter.widget-view+json";

activate();
window.vscIPyWidgets8.load();

const scriptLoader = {
  widgetsRegisteredInRequireJs: new Set(),
  async loadWidgetScript(name) {
    window.requirejs.config({ paths: { [name]: `nbextensions/${name}/index` } });
  },
  successHandler() {},
  errorHandler(className, module, version, error) {
    console.error(`${module} ${version} ${className}: ${error}`);
  },
};

const output = document.getElementById("output");
const kernel = await Kernel.start(new URLSearchParams(location.search).get("token"));
const { WidgetManager } = window.vscIPyWidgets;
const manager = new WidgetManager(kernel, output, scriptLoader, () => {});

/** Run code; what it displays is appended to the page. */
window.execute = async (code) => {
  for (const message of await kernel.execute(code)) {
    if (message.header.msg_type === "error") throw new Error(message.content.traceback.join("\n"));
    const shown = message.content.data?.[WIDGET];
    if (!shown) continue;
    const model = await manager.get_model(shown.model_id);
    const node = document.createElement("div");
    output.append(node);
    await manager.display_view(shown, await manager.create_view(model), { node });
  }
};
