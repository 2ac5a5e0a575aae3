"""The servers that show notebooks, each with its own settings, on the loopback interface only."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

TOKEN = "plmwidgets-tests"
OFFLINE_TEMPLATE = Path(__file__).parents[2] / "examples" / "voila_offline"


class Server:
    """A server run by a command; `close` ends it.

    Parameters
    ----------
    folder : Path
        Empty; holds the notebooks, the settings and the log.
    module : str
        What ``python -m`` runs.
    arguments : callable
        From the port to the other arguments of the command.
    ready : str
        An address that answers once the server is up.
    """

    def __init__(self, folder, module, arguments, ready):
        self.root = folder / "notebooks"
        self.root.mkdir(exist_ok=True)
        self.runtime = folder / "runtime"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        environment = {
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.runtime),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "HF_HUB_OFFLINE": "1",
            "PLMWIDGETS_CACHE": "off",  # every page begins with nothing scanned
        }
        self._log = (folder / "server.log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments(port)],
            env=environment, cwd=self.root, stdout=self._log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while not self._answers(ready):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                log = (folder / "server.log").read_text()
                raise RuntimeError(f"{module} did not start:\n{log}")
            time.sleep(0.1)

    def _answers(self, path):
        try:
            self._get(path).close()
        except urllib.error.HTTPError as error:
            return error.code < 500
        except OSError:
            return False
        return True

    def _get(self, path):
        return urllib.request.urlopen(f"{self.url}/{path}", timeout=10)

    def api(self, path):
        with self._get(f"api/{path}?token={TOKEN}") as answer:
            return json.load(answer)

    def delete(self, path):
        request = urllib.request.Request(f"{self.url}/api/{path}?token={TOKEN}", method="DELETE")
        urllib.request.urlopen(request, timeout=30).close()

    def close(self):
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


def _no_news(folder):
    """Keep the front ends from asking for announcements."""
    settings = folder / "config" / "labconfig"
    settings.mkdir(parents=True)
    announcements = {"@jupyterlab/apputils-extension:announcements": True}
    (settings / "page_config.json").write_text(json.dumps({"disabledExtensions": announcements}))


def _jupyter(port, root):
    return [
        "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={root}",
    ]  # fmt: skip


class Lab(Server):
    """JupyterLab 4."""

    def __init__(self, folder: Path):
        _no_news(folder)
        super().__init__(
            folder,
            "jupyterlab",
            lambda port: [
                *_jupyter(port, folder / "notebooks"),
                "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
                "--LabApp.expose_app_in_browser=True",
            ],
            f"api/status?token={TOKEN}",
        )

    def address(self, name):
        return f"{self.url}/lab/tree/{name}?token={TOKEN}&reset"


class Notebook7(Server):
    """Jupyter Notebook 7, one document a page."""

    def __init__(self, folder: Path):
        _no_news(folder)
        super().__init__(
            folder,
            "notebook",
            lambda port: [
                *_jupyter(port, folder / "notebooks"),
                "--JupyterNotebookApp.expose_app_in_browser=True",
            ],
            f"api/status?token={TOKEN}",
        )

    def address(self, name):
        return f"{self.url}/notebooks/{name}?token={TOKEN}"


class Voila(Server):
    """Voila: runs a notebook for every visitor and shows its outputs alone."""

    def __init__(self, folder: Path):
        # the templates that come with Voila load an icon font from a CDN
        shutil.copytree(OFFLINE_TEMPLATE, folder / "data/voila/templates" / OFFLINE_TEMPLATE.name)
        super().__init__(
            folder,
            "voila",
            lambda port: [
                "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1",
                f"--template={OFFLINE_TEMPLATE.name}", str(folder / "notebooks"),
            ],
            "",
        )  # fmt: skip

    def address(self, name):
        return f"{self.url}/voila/render/{name}"


class WidgetManagerPage(Server):
    """A Jupyter server with a page of our own on it, made of the given files."""

    def __init__(self, folder: Path, files: dict[str, Path]):
        for name, path in files.items():
            (folder / "page" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / "page" / name)
        super().__init__(
            folder,
            "jupyter_server",
            lambda port: [
                *_jupyter(port, folder / "notebooks"),
                f"--ServerApp.extra_static_paths={folder / 'page'}",
            ],
            f"api/status?token={TOKEN}",
        )

    def address(self, name):
        return f"{self.url}/static/{name}?token={TOKEN}"


class Marimo(Server):
    """An app as ``marimo run`` serves it: outputs without code, run anew for every visitor."""

    def __init__(self, folder: Path, app: Path):
        super().__init__(
            folder,
            "marimo",
            lambda port: [
                "--log-level=warn", "run", str(app), "--headless", "--no-token",
                "--host=127.0.0.1", f"--port={port}",
            ],
            "health",
        )  # fmt: skip

    def address(self, _=""):
        return self.url
