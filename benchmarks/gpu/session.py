"""A run of `gpu_speed.py`: its device, its time, the network at hand, what came of each part."""

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import torch
from harness.models import random_network, wrap
from harness.report import Report
from harness.timing import free, gemm_peak
from transformers import EsmForMaskedLM

from gpu.markdown import Row, markdown
from plmwidgets.faults import is_out_of_memory, memory_wanted
from plmwidgets.models.esm import EsmMaskedLM, precisions

Found = TypeVar("Found")

TRIAL_SIZE: Final = 512
"""Of the matrices on a CPU, where the share of their peak says nothing."""


@dataclass(frozen=True)
class Cell:
    """A shape of a network and a length of a sequence."""

    shape: str
    length: int

    def __str__(self) -> str:
        return f"{self.shape}, L = {self.length}"


class Session:
    """Runs one part after the other while there is time, and saves what is there after each.

    Parameters
    ----------
    report : Report
    device : torch.device
    minutes : float
        Nothing is begun that should end later.
    seconds : float
        How long a variant runs in a round.
    markdown : path, optional
        Where to write the tables.

    Attributes
    ----------
    report, device, seconds
    peaks : dict of str to float
        Operations a second of large matrix products, by their type.
    failed : bool
        Whether a part ended with an error that was none of memory.
    """

    def __init__(
        self,
        report: Report,
        device: torch.device,
        minutes: float,
        seconds: float,
        markdown: Path | None,
    ) -> None:
        self.report = report
        self.device = device
        self.seconds = seconds
        self.failed = False
        self.peaks = dict.fromkeys(("float32", "float16", "bfloat16"), 0.0)
        self._ends = time.monotonic() + 60 * minutes
        self._markdown = markdown
        self._tables: dict[str, list[Row]] = {}
        self._left_out: list[str] = []
        self._shape = ""
        self._network: EsmForMaskedLM | None = None
        report.conditions["peaks"] = self.peaks
        self.measure_peaks()

    @property
    def on_gpu(self) -> bool:
        """Whether speed is judged."""
        return self.device.type == "cuda"

    def measure_peaks(self) -> None:
        """Measure the matrix products again: other work may have slowed the first ones."""
        size = None if self.on_gpu else TRIAL_SIZE
        for dtype, peak in self.peaks.items():
            self.peaks[dtype] = max(peak, gemm_peak(dtype, self.device, size, self.seconds))
        free(self.device)

    def network(self, shape: str) -> EsmForMaskedLM:
        """Return the network of a shape in float32; one is held at a time."""
        if self._network is None or self._shape != shape:
            self._network = None
            free(self.device)
            self._shape, self._network = shape, random_network(shape, device=self.device)
            # What transformers chooses where nobody asks for another.
            self.report.conditions["attention"] = self._network.config._attn_implementation
        return self._network

    def attempt(self, what: str, expected: float, part: Callable[[], Found]) -> Found | None:
        """Do a part if it should end in time; whatever becomes of it, the next one can follow.

        Parameters
        ----------
        what : str
        expected : float
            Seconds that it takes, about.
        part : callable
        """
        left = max(0.0, self._ends - time.monotonic())
        if expected > left:
            self.leave_out(what, f"it would take about {expected:.0f} s, and {left:.0f} s are left")
            return None
        found, problem = None, ""
        try:
            found = part()
        except Exception as error:
            if is_out_of_memory(error):
                problem = f"the memory does not suffice: {memory_wanted(error)}"
            else:
                traceback.print_exc()
                problem = f"it failed: {type(error).__name__}: {error}"
                self.failed = True
        # Here the error is gone, and with it the frames that held tensors.
        free(self.device)
        if problem:
            self.leave_out(what, problem)
        self.save()
        return found

    def leave_out(self, what: str, why: str) -> None:
        """Say and record what is not measured."""
        self._left_out.append(f"{what}: {why}")
        self.report.figures("left out", what=what, why=why)
        self.report.text(f"\nleft out: {self._left_out[-1]}")
        self.save()

    def table(self, title: str, rows: list[Row]) -> None:
        """Print rows and keep them for the table of that title."""
        self._tables.setdefault(title, []).extend(rows)
        self.report.text(f"\n{title}")
        self.report.table(rows)

    def finish(self) -> None:
        """Print the goals, and write the files for the last time."""
        goals = self.report.goals
        self.report.text(f"\nGoals: {sum(goal.met for goal in goals)} of {len(goals)} met")
        for goal in goals:
            if not goal.met:
                self.report.text(f"{goal.verdict}  {goal.what}: {goal.value:.3g}")
        self.report.finish()
        self._write_tables(finished=True)

    def save(self) -> None:
        """Write the files that are wanted."""
        self.report.save()
        self._write_tables(finished=False)

    def _write_tables(self, finished: bool) -> None:
        if self._markdown is not None:
            goals, left_out = self.report.goals, self._left_out
            conditions = self.report.conditions
            self._markdown.write_text(markdown(conditions, self._tables, goals, left_out, finished))


def as_on_a_gpu(network: EsmForMaskedLM, shape: str) -> EsmMaskedLM:
    """Return the network as the package sees it, with a GPU's precisions also on a CPU."""
    model = wrap(network, shape)
    model.precisions = precisions(torch.device("cuda"), "float32")
    return model


def extra_memory(device: torch.device, run: Callable[[], object]) -> int | None:
    """Return the most bytes that a run takes on a GPU beyond what is there before it."""
    if device.type != "cuda":
        run()
        return None
    torch.cuda.synchronize(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    run()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before


def in_gigabytes(size: int | None) -> str:
    """Return bytes for a table."""
    return "" if size is None else f"{size / 1e9:.2f} GB"
