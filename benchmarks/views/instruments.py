"""Stopwatches that run in the page, where the person sees what they time.

They read what the views say of themselves in data-attributes, and take the time in the first task
after the frame in which it was drawn: then style, layout and paint of that frame are included.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page

TOOLS: Final = """() => {
  // Hosts may put a view into shadow roots of their own.
  const find = (name, root = document) => {
    const hit = root.querySelector(`.plmwidgets-${name}`);
    if (hit) return hit;
    for (const node of root.querySelectorAll("*")) {
      const below = node.shadowRoot && find(name, node.shadowRoot);
      if (below) return below;
    }
    return null;
  };
  const channel = new MessageChannel();
  const waiting = [];
  channel.port1.onmessage = () => waiting.shift()(performance.now());
  // Asked for in a frame, the answer comes when the frame is on its way to the screen.
  const afterFrame = (then) => { waiting.push(then); channel.port2.postMessage(0); };
  window.stopwatch = { find, afterFrame };
}"""

CLICKS: Final = """() => {
  const { find, afterFrame } = window.stopwatch;
  const strip = find("sequence_strip"), distributions = find("distributions");
  const times = window.stopwatch.clicks = [];
  let began = null;
  strip.addEventListener("pointerup", (event) => { began = event.timeStamp; }, true);
  new MutationObserver(() => {
    if (began === null || distributions.dataset.context !== strip.dataset.masked) return;
    const from = began;
    began = null;
    afterFrame((now) => times.push(now - from));
  }).observe(distributions, { attributes: true, attributeFilter: ["data-context"] });
}"""
"""From letting the mouse go on a residue to the bars of the new context."""

REDRAWS: Final = """() => {
  const map = window.stopwatch.find("pair_heatmap");
  const times = window.stopwatch.redraws = [];
  new MutationObserver(() => times.push(performance.now()))
    .observe(map, { attributes: true, attributeFilter: ["data-known"] });
}"""
"""When the map drew what the scan had found since."""

HOVERS: Final = """() => {
  const { find, afterFrame } = window.stopwatch;
  const canvas = find("pair_heatmap").shadowRoot.querySelector("canvas");
  const times = window.stopwatch.hovers = [];
  let began = null;
  find("sequence_strip").addEventListener(
    "pointermove", (event) => { began = event.timeStamp; }, true);
  const draw = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (...given) {
    draw.apply(this, given);
    if (this.canvas !== canvas || began === null) return;
    const from = began;
    began = null;
    requestAnimationFrame(() => afterFrame((now) => times.push(now - from)));
  };
}"""
"""From the pointer on a residue to the crosshair in the map."""

FRAMES: Final = """() => {
  const host = window.stopwatch.find("pair_heatmap");
  const canvas = host.shadowRoot.querySelector("canvas");
  const meter = window.stopwatch.frames = { on: true, times: [], drawn: [] };
  const look = () => {
    const { x0, y0, cell } = canvas.dataset;
    return [x0, y0, cell, host.dataset.frames].join();
  };
  let last = look();
  const tick = (now) => {
    if (!meter.on) return;
    const seen = look();
    meter.times.push(now);
    meter.drawn.push(seen !== last);
    last = seen;
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}"""
"""Every frame of the page, and whether the map was drawn anew for it."""


def install(page: Page, *scripts: str) -> None:
    """Put stopwatches into the page."""
    for script in (TOOLS, *scripts):
        page.evaluate(script)


def times(page: Page, name: str) -> NDArray[np.float64]:
    """Return what a stopwatch has taken so far, in milliseconds."""
    taken: list[Any] = page.evaluate(f"window.stopwatch.{name}")
    return np.array(taken, dtype=np.float64)
