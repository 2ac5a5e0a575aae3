"""From a click on a residue to its bars: idle, and while a scan runs; in JupyterLab and marimo."""

import textwrap
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Locator, Page

from views import instruments
from views.hosts import Lab, Marimo, notebook
from views.report import Row

EXPLORER = "import plmwidgets as plm\nexplorer = plm.Explorer(plm.Protein.demo(), 'demo')\nexplorer"
SCANNING = """
import threading
from plmwidgets.scan.origin import Origin

scanning = threading.Event()
scanning.set()

def scan_again_and_again():
    # The demo's scan takes a few seconds: what it found is forgotten, and it begins anew.
    while scanning.is_set():
        explorer.scan.origin[:] = Origin.MISSING
        explorer.scan.upgrade()
        explorer.scan.wait()

scan_thread = threading.Thread(target=scan_again_and_again, daemon=True)
scan_thread.start()
"""
APP = """
import marimo
app = marimo.App(width="full")

@app.cell
def _():
    import plmwidgets as plm
    explorer = plm.Explorer(plm.Protein.demo(), "demo")
    explorer
    return

if __name__ == "__main__":
    app.run()
"""
# Milliseconds, each drawn anew: a person's pointer comes to rest before the button goes down, and
# the button is down for a moment. What the pointer alone asks for is drawn by then.
REST = (250, 400)
DOWN = (60, 110)
PAUSE = (300, 700)  # between a result and the way to the next residue
SECOND = (490, 610)  # with the above, one click a second


def in_lab(lab: Lab, browser: Browser, clicks: int, scanned: int) -> list[Row]:
    """Click in an Explorer that is idle, then once a second while it scans."""
    with notebook(lab, browser, [EXPLORER, SCANNING]) as book:
        page = book.page
        page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 0")
        book.command("notebook:run-cell")
        strip = book.wait_for_view("sequence_strip")
        book.wait_for_view("distributions")
        structure = book.wait_for_view("structure_view")
        book.wait_until(lambda: structure.get_attribute("data-structure-ready") == "true")
        page.wait_for_timeout(2000)
        instruments.install(page, instruments.CLICKS, instruments.REDRAWS)
        idle = click_often(page, strip, clicks, PAUSE)
        page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
        book.command("notebook:run-cell")
        page.wait_for_function("stopwatch.redraws.length > 3", timeout=60_000)
        page.evaluate("stopwatch.clicks.length = stopwatch.redraws.length = 0")
        busy = click_often(page, strip, scanned, SECOND)
        redraws = instruments.times(page, "redraws")
        book.python("scanning.clear()")
    rate = 1000 * (len(redraws) - 1) / (redraws[-1] - redraws[0])
    return [
        Row("click to bars, JupyterLab, idle", "ms", idle, 70),
        Row(
            "click to bars, JupyterLab, one a second, scanning",
            "ms",
            busy,
            120,
            note=f"the map was redrawn {rate:.1f} times a second",
        ),
    ]


def in_marimo(folder: Path, browser: Browser, clicks: int) -> list[Row]:
    """Click in the same views under `marimo run`."""
    app = folder / "app.py"
    app.write_text(textwrap.dedent(APP))
    server = Marimo(folder, app)
    try:
        page = browser.new_page(viewport={"width": 1500, "height": 1500})
        page.goto(server.address())
        strip = page.locator(".plmwidgets-sequence_strip")
        bars = page.locator(".plmwidgets-distributions[data-updates]")
        bars.wait_for(timeout=90_000)
        page.locator(".plmwidgets-structure_view[data-structure-ready]").wait_for(timeout=60_000)
        page.wait_for_timeout(2000)
        instruments.install(page, instruments.CLICKS)
        idle = click_often(page, strip, clicks, PAUSE)
        page.close()
    finally:
        server.close()
    return [Row("click to bars, marimo run, idle", "ms", idle, 35)]


def click_often(
    page: Page, strip: Locator, clicks: int, pause: tuple[float, float]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Click among eight residues as a person does; return the times to the bars.

    A person looks at a few masks at a time; with dozens of them the bars take longer to draw.
    """
    rng = np.random.default_rng(0)
    cells = strip.locator("[data-position]")
    few = rng.choice(cells.count(), 8, replace=False)
    for n in range(clicks):
        cells.nth(int(rng.choice(few))).hover()
        page.wait_for_timeout(float(rng.uniform(*REST)))
        page.mouse.down()
        page.wait_for_timeout(float(rng.uniform(*DOWN)))
        page.mouse.up()
        page.wait_for_function(f"stopwatch.clicks.length > {n}", timeout=20_000)
        page.wait_for_timeout(float(rng.uniform(*pause)))
    return instruments.times(page, "clicks")
