"""A superposed pass and scan against passes for every pair, which are sampled and scaled."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness.accuracy import both_ways, distance_errors
from harness.models import Floats, Ints
from plmwidgets import scan_pairs
from plmwidgets.models.esm import EsmMaskedLM
from plmwidgets.scan.pair import PairScan
from plmwidgets.service import service_for


@dataclass(frozen=True, eq=False)
class ScanTimes:
    """What was measured in some rounds.

    Attributes
    ----------
    seconds : dict of str to list of float
        Of the ``"pass"`` alone, of the whole ``"scan"``, and of ``"exact"`` passes for all pairs,
        scaled; one a round.
    ratios : dict of str to list of float
        Baseline passes for all pairs, scaled, over those seconds.
    estimates : ndarray, shape (L, L, 20)
        Of the last pass.
    scan : PairScan
        The last one.
    """

    seconds: dict[str, list[float]]
    ratios: dict[str, list[float]]
    estimates: Floats
    scan: PairScan

    def errors(self, true: tuple[Floats, Floats], pairs: Ints) -> dict[str, Floats]:
        """Absolute errors of js_dist of pairs, given what `answers` returned for the baseline."""
        assert self.scan.single is not None
        alone = self.scan.single.log_probabilities[pairs]
        found = {
            "pass": (true[0], both_ways(self.estimates, pairs)),
            "scan": (alone, both_ways(self.scan.log_probabilities, pairs)),
        }
        return {name: distance_errors(values, true) for name, values in found.items()}


def compare_scans(
    model: EsmMaskedLM,
    sequence: str,
    rounds: int,
    sample: Callable[[], float],
    our_sample: Callable[[], float],
) -> ScanTimes:
    """Time the pass, the scan and our exact passes in turn, in a new random order each round.

    Parameters
    ----------
    model : EsmMaskedLM
    sequence : str
    rounds : int
    sample, our_sample : callable
        Measure seconds a pass of the baseline, before and after each of the three, and of ours.
    """
    count = len(sequence) * (len(sequence) - 1) // 2
    passes: list[Floats] = []
    scans: list[PairScan] = []

    def run_pass() -> float:
        began = time.perf_counter()
        passes[:] = [exhaust(model, sequence)]
        return time.perf_counter() - began

    def run_scan() -> float:
        service_for(model).close()  # it remembers the single masks
        began = time.perf_counter()
        scan = scan_pairs(sequence, model, method="superposed")
        scan.wait()
        scans[:] = [scan]
        return time.perf_counter() - began

    measured = {"pass": run_pass, "scan": run_scan, "exact": lambda: our_sample() * count}
    seconds: dict[str, list[float]] = {name: [] for name in measured}
    ratios: dict[str, list[float]] = {name: [] for name in measured}
    random = np.random.default_rng(0)
    before = sample()
    try:
        for _ in range(rounds):
            for index in random.permutation(len(measured)):
                name = list(measured)[index]
                seconds[name].append(measured[name]())
                after = sample()
                ratios[name].append((before + after) / 2 * count / seconds[name][-1])
                before = after
    finally:
        service_for(model).close()  # its thread would keep the weights
    return ScanTimes(seconds, ratios, passes[0], scans[0])


def exhaust(model: EsmMaskedLM, sequence: str) -> Floats:
    """Run a superposed pass over all pairs of a sequence to its end."""
    steps = model.pair_pass(sequence, np.arange(len(sequence)))
    while True:
        try:
            next(steps)
        except StopIteration as end:
            estimates: Floats = end.value
            return estimates
