"""A page of a host in the browser: what tests wait for, and what it must not do."""

import json
import time
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
from jupyter_client import BlockingKernelClient
from playwright.sync_api import Page

OUTPUT = Path(__file__).parents[2] / "test-output"


class HostPage:
    """Views shown by some host, cut off from every other machine.

    Attributes
    ----------
    outside : list of str
        Requests to other machines; they are refused.
    errors : list of str
        What the page wrote to its console as an error, or did not catch.
    own_errors : tuple of str
        Parts of those that the host has by itself, without any of our views.
    """

    own_errors: tuple[str, ...] = ()

    def __init__(self, page: Page):
        self.page = page
        self.outside: list[str] = []
        self.errors: list[str] = []
        page.route("**/*", self._keep_inside)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _heard(self, message):
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url')})")

    def _keep_inside(self, route):
        parts = urlsplit(route.request.url)
        if parts.hostname in ("127.0.0.1", None) or parts.scheme in ("data", "blob"):
            route.continue_()
        else:
            self.outside.append(route.request.url)
            route.abort()

    def view(self, name, nth=0):
        """The nth view of a kind; Playwright looks through its shadow root by itself."""
        return self.page.locator(f".plmwidgets-{name}").nth(nth)

    def wait_for_view(self, name, nth=0):
        view = self.view(name, nth)
        view.wait_for(timeout=60_000)
        self.wait_until(lambda: view.get_attribute("data-loaded") == "true")
        return view

    def wait_until(self, condition, seconds=30):
        """Poll through Playwright, so that the page goes on meanwhile."""
        deadline = time.monotonic() + seconds
        while True:
            if value := condition():
                return value
            if time.monotonic() > deadline:
                self.screenshot("timeout")
                raise AssertionError("the page did not get there in time; see test-output")
            self.page.wait_for_timeout(25)

    def screenshot(self, name, locator=None):
        OUTPUT.mkdir(exist_ok=True)
        path = OUTPUT / f"{name}.png"
        (locator or self.page).screenshot(path=str(path))
        return path

    def close(self):
        """Let go of what is not the browser's."""


class Notebook(HostPage):
    """A notebook open in JupyterLab, and a second client on its kernel."""

    def __init__(self, lab, page: Page, name: str):
        super().__init__(page)
        self.lab, self.name = lab, name
        self._client = None

    def open(self):
        self.page.goto(self.lab.address(self.name))
        self.page.wait_for_selector(".jp-NotebookPanel", timeout=60_000)
        self.wait_for_kernel()
        return self

    def wait_for_kernel(self):
        self.page.wait_for_function(
            """() => {
                const panel = window.jupyterapp?.shell.currentWidget;
                return panel?.sessionContext?.session?.kernel?.status === 'idle';
            }""",
            timeout=60_000,
        )

    def command(self, name):
        self.page.evaluate(f"window.jupyterapp.commands.execute({json.dumps(name)})")

    def run_all(self):
        self.command("notebook:run-all-cells")

    def restart_kernel(self):
        self.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
        self.wait_for_kernel()

    def python(self, expression):
        """Evaluate an expression in the notebook's kernel and return it through JSON."""
        if self._client is None:
            session = next(s for s in self.lab.api("sessions") if s["path"] == self.name)
            client = BlockingKernelClient()
            client.load_connection_file(
                str(self.lab.runtime / f"kernel-{session['kernel']['id']}.json")
            )
            client.start_channels()
            self._client = client
        code = f"__import__('json').dumps({expression})"
        reply = self._client.execute(
            "", user_expressions={"value": code}, store_history=False, reply=True, timeout=60
        )
        value = reply["content"]["user_expressions"]["value"]
        if value["status"] != "ok":
            raise AssertionError(f"{expression}: {value}")
        return json.loads(eval(value["data"]["text/plain"]))

    def close(self):
        if self._client is not None:
            self._client.stop_channels()
        # What a kernel goes on computing would slow down all tests after this one.
        for session in self.lab.api("sessions"):
            if session["path"] == self.name:
                self.lab.delete(f"sessions/{session['id']}")


def new_notebook(server, cells, name="test.ipynb", path=None):
    """Write a notebook of the given cells, after those of `path`; returns its name."""
    book = nbformat.read(path, 4) if path else nbformat.v4.new_notebook()
    book.cells += [nbformat.v4.new_code_cell(cell) for cell in cells]
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    name = f"{len(list(server.root.glob('*.ipynb')))}-{name}"
    nbformat.write(book, server.root / name)
    return name
