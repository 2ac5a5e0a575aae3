"""A cell that is run again and again, as people do, must not use the notebook up."""

import numpy as np

RERUNS = 50
WARM_UP = 15

SETUP = """
import gc, threading, weakref
import ipywidgets
import plmwidgets as plm
from IPython.display import display
from plmwidgets.widgets.view import View

protein, model = plm.Protein.demo(), plm.load_model("demo")

def living():
    gc.collect()
    return [
        sum(isinstance(thing, View) for thing in gc.get_objects()),
        threading.active_count(),
        int(open("/proc/self/statm").read().split()[1]) * 4096,
    ]
"""
CELL = """
explorer = plm.Explorer(protein, model)
explorer
"""
CONTEXTS = """() => {
  window.contexts = [];
  const get = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
    const context = get.call(this, kind, ...more);
    if (kind.startsWith("webgl") && context && !window.contexts.some((c) => c.deref() === context))
      window.contexts.push(new WeakRef(context));
    return context;
  };
}"""
