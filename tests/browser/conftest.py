"""Real hosts in a real headless browser, cut off from every other machine."""

import os
import shutil
from pathlib import Path

import pytest
from pages import HostPage, Notebook, new_notebook
from playwright.sync_api import Error, sync_playwright
from servers import Lab

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NO_BROWSER = "NO BROWSER"


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


def pytest_terminal_summary(terminalreporter):
    """A missing browser must not pass unseen among dots."""
    for report in terminalreporter.stats.get("skipped", []):
        if NO_BROWSER in str(report.longrepr):
            terminalreporter.section("browser tests were NOT run", sep="!", red=True, bold=True)
            terminalreporter.line(str(report.longrepr[-1]), red=True)
            return


def find_browser():
    """The browser on PATH; None means the one that Playwright can install."""
    return shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def chromium():
    """A running browser; without one, skip loudly, and fail where every check must run."""
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        except Error as error:
            reason = (
                f"{NO_BROWSER}: install Debian's chromium, or run 'playwright install chromium'; "
                f"the browser tests were NOT run ({str(error).splitlines()[0]})"
            )
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory, chromium):
    server = Lab(tmp_path_factory.mktemp("lab"))
    yield server
    server.close()


@pytest.fixture
def notebook(lab, chromium):
    """Open a notebook made of the given cells: ``notebook("cell 1", "cell 2")``."""
    opened = []

    def make(*cells, name="test.ipynb", path=None):
        context = chromium.new_context(viewport={"width": 1500, "height": 1500})
        written = new_notebook(lab, cells, name, path)
        opened.append((context, Notebook(lab, context.new_page(), written)))
        return opened[-1][1].open()

    yield make
    for context, book in opened:
        book.close()
        context.close()
        assert book.outside == [], "the page asked another machine"


@pytest.fixture
def host_page(chromium):
    """An empty page, for a host to be opened in; it must neither go outside nor fail."""
    context = chromium.new_context(viewport={"width": 1500, "height": 1700})
    page = HostPage(context.new_page())
    yield page
    context.close()
    assert page.outside == [], "the page asked another machine"
    errors = [e for e in page.errors if not any(own in e for own in page.own_errors)]
    assert errors == [], "the page wrote errors to its console"


@pytest.fixture
def serve(tmp_path, chromium):
    """Start a host: ``serve(Voila)``; it ends with the test."""
    running = []

    def start(kind, *arguments):
        running.append(kind(tmp_path, *arguments))
        return running[-1]

    yield start
    for server in running:
        server.close()
