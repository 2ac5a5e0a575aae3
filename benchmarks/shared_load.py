"""How long simulated notebooks wait that click on a shared model while a scan runs.

Start a model first, ``plmwidgets serve --model demo --replicas 2``, then run this. Each notebook
is a session of its own with a link of its own, and clicks without waiting for the last answer: the
newest wins, as in a view.
"""

import argparse
import json
import random
import threading
import time
from concurrent.futures import Future

import numpy as np

import plmwidgets as plm
from plmwidgets.cluster.ray_link import RayLink
from plmwidgets.cluster.remote_lm import RemoteMaskedLM
from plmwidgets.cluster.remote_service import RemoteService
from plmwidgets.models.masked_lm import Context


class Notebook:
    """Clicks at random and notes how long each answer takes."""

    def __init__(self, name: str, seed: int, sequence: str) -> None:
        link = RayLink(name)
        self.service = RemoteService(RemoteMaskedLM(link, "ray"), link)
        self.random = random.Random(seed)
        self.sequence = sequence
        self.waited: list[float] = []
        self.replaced = 0
        self.failed: list[BaseException] = []

    def click(self) -> None:
        """Ask for a context that was most probably never asked for."""
        masked = self.random.sample(range(len(self.sequence)), 6)
        began = time.monotonic()
        future = self.service.submit([Context.of(self.sequence, masked)], client="view")
        future.add_done_callback(lambda done: self._answered(done, time.monotonic() - began))

    def _answered(self, done: Future, seconds: float) -> None:
        if done.cancelled():
            self.replaced += 1
        elif done.exception() is not None:
            self.failed.append(done.exception())
        else:
            self.waited.append(seconds)

    def run(self, until: float, period: float) -> None:
        """Click every `period` seconds, give or take a half."""
        while time.monotonic() < until:
            self.click()
            time.sleep(period * self.random.uniform(0.5, 1.5))


def measure(name: str, notebooks: int, seconds: float, period: float) -> dict[str, float]:
    """Let notebooks click while scans run; return what there is to report."""
    protein = plm.Protein.demo()
    clients = [Notebook(name, seed, protein.sequence) for seed in range(notebooks)]
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=one.run, args=(until, period)) for one in clients]
    for thread in threads:
        thread.start()
    pairs = scans = 0
    while time.monotonic() < until:  # a scan is always running
        scan = plm.scan_pairs(protein, name, backend="ray")
        while scan.progress.status == "running" and time.monotonic() < until:
            time.sleep(0.05)
        scan.cancel()
        pairs, scans = pairs + scan.progress.done, scans + 1
    for thread in threads:
        thread.join()
    time.sleep(2)  # for the last answers
    waited = np.concatenate([one.waited for one in clients])
    return {
        "notebooks": notebooks,
        "seconds": seconds,
        "clicks_answered": len(waited),
        "clicks_replaced_by_newer": sum(one.replaced for one in clients),
        "clicks_failed": sum(len(one.failed) for one in clients),
        "p50": float(np.quantile(waited, 0.5)),
        "p95": float(np.quantile(waited, 0.95)),
        "longest": float(waited.max()),
        "fewest_answers_of_a_notebook": min(len(one.waited) for one in clients),
        "most_answers_of_a_notebook": max(len(one.waited) for one in clients),
        "pairs_scanned": pairs,
        "scans": scans,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--notebooks", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--period", type=float, default=0.5)
    options = parser.parse_args()
    print(
        json.dumps(
            measure(options.model, options.notebooks, options.seconds, options.period), indent=1
        )
    )


if __name__ == "__main__":
    main()
