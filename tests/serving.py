"""A model that is shared for real: ``plmwidgets serve`` in a process of its own."""

import subprocess
import sys
import time

import psutil


class Serve:
    """A running ``plmwidgets serve``.

    Parameters
    ----------
    folder : Path
        For its log.
    arguments : sequence of str
    """

    def __init__(self, folder, *arguments):
        self.log = folder / "serve.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "plmwidgets", "serve", *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_for(self, text, seconds=300):
        """Wait until it has printed a text; returns all that it has printed."""
        deadline = time.monotonic() + seconds
        while text not in (said := self.log.read_text()):
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        return said

    def actors(self, kind):
        """Processes of its actors of a kind, ``"Replica"`` or ``"Dispatcher"``."""
        below = psutil.Process(self.process.pid).children(recursive=True)
        return [one for one in below if " ".join(one.cmdline()).startswith(f"ray::{kind}")]

    def end(self):
        """Interrupt it; returns its exit status."""
        self.process.terminate()
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
