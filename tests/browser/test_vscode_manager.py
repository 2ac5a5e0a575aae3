"""VS Code's own build of the widget manager, with a real kernel: the nearest to VS Code itself.

It cannot run here. What its notebooks draw with is the npm package ``@vscode/jupyter-ipywidgets8``,
which this test loads in a plain page, marked as VS Code marks its pages, in place of its renderer.
"""

import json
import sys
from pathlib import Path

import pytest
from gestures import main_gestures, positions
from servers import WidgetManagerPage

HOST = Path(__file__).parent / "vscode_host"
MODULES = Path(__file__).parents[2] / "js" / "node_modules"
FILES = {
    "index.html": HOST / "index.html",
    "host.js": HOST / "host.js",
    "kernel.js": HOST / "kernel.js",
    "require.js": MODULES / "requirejs" / "require.js",
    "ipywidgets.js": MODULES / "@vscode" / "jupyter-ipywidgets8" / "dist" / "ipywidgets.js",
    "nbextensions/anywidget/index.js": (
        Path(sys.prefix) / "share" / "jupyter" / "nbextensions" / "anywidget" / "index.js"
    ),
}
EXPLORER = """
import plmwidgets as plm
explorer = plm.Explorer(plm.Protein.demo(), "demo")
explorer
"""


@pytest.fixture
def manager_page(serve, host_page):
    if not FILES["ipywidgets.js"].is_file():
        pytest.fail("VS Code's widget manager is not installed: run 'make js' once")
    host_page.page.goto(serve(WidgetManagerPage, FILES).address("index.html"))
    host_page.page.wait_for_function("typeof execute === 'function'", timeout=60_000)
    return host_page


def execute(host_page, code):
    host_page.page.evaluate(f"execute({json.dumps(code)})")


def test_the_main_gestures_on_the_widget_manager_of_vs_code(manager_page):
    execute(manager_page, EXPLORER)
    main_gestures(manager_page, "vscode-manager")
    strip = manager_page.view("sequence_strip")
    # Python has what was clicked, and what it sets is drawn
    masked = positions(strip)
    execute(manager_page, f"assert sorted(explorer.selection.masked) == {masked}")
    execute(manager_page, "explorer.selection.masked = {5, 6}")
    manager_page.wait_until(lambda: positions(strip) == [5, 6])
    assert strip.locator(".plm-root").get_attribute("data-theme") == "dark"
