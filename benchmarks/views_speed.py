"""How fast the views feel, in headless Chromium with WebGL in software.

Everything is measured in the page, from the event of the mouse to the frame that shows its effect.
Run it with nothing else on the machine: `make bench-views`. The exit status is 0 whatever it
finds: it is a measurement.
"""

import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from harness.report import Report, parser
from playwright.sync_api import Browser
from views import clicks, explorer, maps
from views.hosts import ROOT, Lab, chromium
from views.report import Row

PARTS = ("maps", "paint", "hover", "clicks", "marimo", "scan", "sizes")
LIMIT_KB = 100


def main() -> None:
    """Measure the parts asked for and print a table."""
    made = parser(__doc__)
    made.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    arguments = made.parse_args()
    report = Report("The views", arguments)
    rows: list[Row] = []
    if "maps" in arguments.only:
        rows += maps.smoothness(1 if arguments.quick else 5)
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        rows += in_browser(browser, Path(name), arguments.only, arguments.quick)
    if "sizes" in arguments.only:
        rows += sizes()
    report.table([row.cells(report) for row in rows])
    for row in rows:
        report.figures(row.what, **row.record())
    report.finish()


def in_browser(browser: Browser, folder: Path, only: list[str], quick: bool) -> list[Row]:
    """Measure what needs a notebook."""
    part = 5 if quick else 1
    rows: list[Row] = []
    lab = Lab(folder)
    measured: dict[str, Callable[[], list[Row]]] = {
        "paint": lambda: explorer.first_paint(lab, browser, folder, 10 // part),
        "hover": lambda: explorer.hover(lab, browser, 100 // part),
        "clicks": lambda: clicks.in_lab(lab, browser, 100 // part, 60 // part),
        "marimo": lambda: clicks.in_marimo(folder, browser, 100 // part),
        "scan": lambda: explorer.scan_speed(lab, browser, 10 // part),
    }
    if find_spec("marimo") is None:
        print("marimo is not installed: not measured")
        del measured["marimo"]
    try:
        for name, measure in measured.items():
            if name in only:
                rows += measure()
    finally:
        lab.close()
    return rows


def sizes() -> list[Row]:
    """Sizes of the bundles; the 3D view carries its engine."""
    static = ROOT / "src" / "plmwidgets" / "static"
    return [
        Row(
            f"bundle {path.stem}",
            "kB",
            [path.stat().st_size / 1000],
            None if path.stem == "structure_view" else LIMIT_KB,
            judged=100,
        )
        for path in sorted(static.glob("*.js"))
    ]


if __name__ == "__main__":
    main()
