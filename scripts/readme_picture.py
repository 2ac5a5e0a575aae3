"""Draw docs/explorer.png, the README's picture: the Explorer in a real JupyterLab, scan finished.

Run it with the test dependencies installed, after a change of the views that one can see:
``.venv/bin/python scripts/readme_picture.py``. Then look at the picture.
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))
from conftest import FLAGS, Lab, Notebook, find_browser, new_notebook

PICTURE = Path(__file__).parents[1] / "docs" / "explorer.png"
CELLS = [
    """
import plmwidgets as plm
explorer = plm.Explorer(plm.Protein.demo(), "demo")
explorer
""",
    "explorer.scan.start(); explorer.scan.wait()",
    "explorer.structure.top_k = 30; explorer.distributions.profile = 'logo'",
    # The ghosts show the bars of no masks.
    "while explorer.live.prediction is None: __import__('time').sleep(0.1)",
    "explorer.selection.select_pair(7, 54)",
]


def main() -> None:
    """Write the picture."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        # As high as the views: a notebook draws only the cells in sight.
        context = browser.new_context(
            viewport={"width": 1640, "height": 2400}, device_scale_factor=1.05
        )
        lab = Lab(Path(folder))
        try:
            book = Notebook(lab, context.new_page(), new_notebook(lab, CELLS)).open()
            book.run_all()
            book.wait_until(lambda: book.view("scan_panel").count() > 0, 60)
            attributes = {
                ("scan_panel", "data-status"): "finished",
                ("structure_view", "data-structure-ready"): "true",
                ("structure_view", "data-cylinders"): "30",
                ("distributions", "data-context"): "7,54",
                ("distributions", "data-profile"): "logo",
                ("pair_heatmap", "data-pair"): "7,54",
                ("pair_heatmap", "data-known"): str(64 * 63),
                ("joint_table", "data-pair"): "7,54",
            }
            for (view, name), value in attributes.items():
                host = book.view(view)
                book.wait_until(lambda h=host, n=name, v=value: h.get_attribute(n) == v, 60)
            book.page.mouse.move(5, 5)
            views = book.page.locator(".jp-OutputArea-output", has=book.view("scan_panel")).first
            views.screenshot(path=str(PICTURE), animations="disabled")
            book.close()
        finally:
            lab.close()
            browser.close()
    print(f"{PICTURE}: {PICTURE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
