"""Where the views are looked at: as in the tests, on this machine alone."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "browser"))
from conftest import FLAGS, find_browser
from dev_page import serve as dev_page
from pages import Notebook, new_notebook
from servers import Lab, Marimo

__all__ = ["ROOT", "Lab", "Marimo", "chromium", "dev_page", "notebook"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a headless browser that draws WebGL in software."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def notebook(lab: Lab, browser: Browser, cells: Sequence[str]) -> Iterator[Notebook]:
    """Open a new notebook of these cells in JupyterLab, with a kernel of its own."""
    page = browser.new_page(viewport={"width": 1500, "height": 1500})
    book = Notebook(lab, page, new_notebook(lab, list(cells)))
    try:
        yield book.open()
    finally:
        book.close()
        page.close()
