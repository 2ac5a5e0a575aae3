"""An Explorer in JupyterLab: its first paint, hovering while the kernel is busy, speed of scans."""

from pathlib import Path

import numpy as np
from playwright.sync_api import Browser

from views import instruments
from views.clicks import EXPLORER
from views.hosts import ROOT, Lab, notebook
from views.report import Row

# A finished scan of random numbers by a random network: time does not depend on them.
PREPARE = """
import sys, time
sys.path.insert(0, {benchmarks!r})
import nglview.datafiles
import numpy as np
import plmwidgets as plm
from IPython.display import display
from harness.models import random_network, wrap
from plmwidgets.models.masked_lm import chosen_precision
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.single import SingleScan
from plmwidgets.scan.start import provenance_of

short = plm.Protein.from_file(nglview.datafiles.PDB)
protein = plm.Protein((short.sequence + "AG" * 20)[:363]).with_structure(short.structure)
model = wrap(random_network("8M"), "8M")
values = np.random.default_rng(0).normal(size=(363, 363, 20))
log_p = (values - np.log(np.exp(values).sum(-1, keepdims=True))).astype(np.float32)
single = SingleScan(protein, log_p[np.diag_indices(363)])
log_p[np.diag_indices(363)] = np.nan
provenance = provenance_of(model, chosen_precision(model, None))
PairScan(protein, single, log_p, provenance).save({store!r}, replace=True)
"""
SHOW = """
began = time.time()
explorer = plm.Explorer(protein, model, store={store!r})
display(explorer)
ended = time.time()
"""
PAINTED = """() => {
  const { find, afterFrame } = window.stopwatch;
  const views = ["sequence_strip", "distributions", "pair_heatmap", "scan_panel", "structure_view"];
  const ready = () => {
    const [strip, distributions, map, panel, structure] = views.map((name) => find(name));
    return [strip, panel].every((view) => view?.dataset.frames) &&
      Number(distributions?.dataset.updates) > 0 && Number(map?.dataset.known) > 0 &&
      structure?.dataset.structureReady === "true";
  };
  window.stopwatch.painted = null;
  // Two frames: the 3D view renders in the one after the one in which it is ready.
  const done = () => requestAnimationFrame(() => requestAnimationFrame(() => afterFrame((now) => {
    window.stopwatch.painted = performance.timeOrigin + now;
  })));
  const look = () => (ready() ? done() : requestAnimationFrame(look));
  look();
}"""
TIMED = """
import time

def speed(scan):
    scan.wait()
    progress = scan.progress
    return progress.total / progress.elapsed

def alone():
    return speed(plm.scan_pairs(explorer.protein, explorer.model))

def watched():
    explorer.scan.origin[:] = 0  # forgotten, so that the next line computes all of it again
    explorer.scan.upgrade()
    return speed(explorer.scan)
"""


def first_paint(lab: Lab, browser: Browser, folder: Path, rounds: int) -> list[Row]:
    """Show a finished scan of 363 residues, each time in a new notebook and kernel."""
    store = str(folder / "long.zarr")
    cells = [
        cell.format(benchmarks=str(ROOT / "benchmarks"), store=store) for cell in (PREPARE, SHOW)
    ]
    paints, whole = [], []
    for _ in range(rounds):
        with notebook(lab, browser, cells) as book:
            book.page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 0")
            book.command("notebook:run-cell")
            book.page.wait_for_timeout(500)
            book.wait_for_kernel()
            instruments.install(book.page, PAINTED)
            book.page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
            book.command("notebook:run-cell")
            book.page.wait_for_function("stopwatch.painted !== null", timeout=60_000)
            painted = book.page.evaluate("stopwatch.painted") / 1000
            paints.append(1000 * (painted - book.python("ended")))
            whole.append(1000 * (painted - book.python("began")))
    return [
        Row("first paint of a finished Explorer, L = 363, after the cell", "ms", paints, 1500),
        Row("the same, with the cell itself", "ms", whole),
    ]


def hover(lab: Lab, browser: Browser, count: int) -> list[Row]:
    """Point at residues of the strip while a cell sleeps: the map shows it without the kernel."""
    with notebook(lab, browser, ["import time\ntime.sleep(600)", EXPLORER]) as book:
        page = book.page
        page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
        book.command("notebook:run-cell")
        strip = book.wait_for_view("sequence_strip")
        structure = book.wait_for_view("structure_view")
        book.wait_until(lambda: structure.get_attribute("data-structure-ready") == "true")
        page.wait_for_timeout(2000)
        page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 0")
        # Without waiting for it, as a command otherwise does.
        page.evaluate("void jupyterapp.commands.execute('notebook:run-cell')")
        instruments.install(page, instruments.HOVERS)
        cells = strip.locator("[data-position]")
        length = cells.count()
        for n in range(count):
            cells.nth((7 * n) % length).hover()
            page.wait_for_function(f"stopwatch.hovers.length > {n}", timeout=10_000)
        taken = instruments.times(page, "hovers")
        page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")
    return [Row("hover on the strip to crosshair in the map, kernel busy", "ms", taken, 100)]


def scan_speed(lab: Lab, browser: Browser, rounds: int) -> list[Row]:
    """Scan the demo with its Explorer on the page, and without any view, in turn."""
    with notebook(lab, browser, [EXPLORER, TIMED]) as book:
        book.run_all()
        structure = book.wait_for_view("structure_view")
        book.wait_until(lambda: structure.get_attribute("data-structure-ready") == "true")
        book.python("[alone(), watched()]")  # the batch size is found, and all is warm
        ratios, alone = [], []
        for n in range(rounds):
            order = ("alone", "watched") if n % 2 else ("watched", "alone")
            speeds = {name: book.python(f"{name}()") for name in order}
            alone.append(speeds["alone"])
            ratios.append(speeds["watched"] / speeds["alone"])
    note = f"{np.median(alone):.0f} pairs/s without it"
    what = "speed of a scan with its Explorer on the page"
    return [Row(what, "ratio", ratios, 0.85, True, 50, note=note)]
