"""Goals, tables and the arguments of all benchmarks."""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from harness.conditions import conditions
from harness.models import SHAPES
from harness.timing import Ratio


@dataclass(frozen=True)
class Goal:
    """A figure and what it should reach.

    Attributes
    ----------
    what : str
    value : float
    goal : float
    at_least : bool
        Whether larger is better.
    interval : tuple of float or None
    """

    what: str
    value: float
    goal: float
    at_least: bool
    interval: tuple[float, float] | None

    @property
    def met(self) -> bool:
        """NaN meets nothing."""
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    @property
    def verdict(self) -> str:
        """PASS or FAIL, with the goal."""
        sign = ">=" if self.at_least else "<="
        return f"{'PASS' if self.met else 'FAIL'} ({sign} {self.goal:g})"


class Report:
    """Prints a section as it is measured, and keeps its figures.

    Parameters
    ----------
    title : str
    arguments : Namespace
        Of `parser`; the number of threads is set here.

    Attributes
    ----------
    conditions : dict
        Under what it is measured.
    goals : list of Goal
        Those judged so far.
    """

    def __init__(self, title: str, arguments: argparse.Namespace) -> None:
        torch.set_num_threads(arguments.threads)
        transformers.utils.logging.disable_progress_bar()
        self.conditions = conditions(arguments)
        self._title = title
        self._path: Path | None = arguments.json
        self._began = time.perf_counter()
        self._figures: list[dict[str, Any]] = []
        self.goals: list[Goal] = []
        where = self.conditions
        print(f"\n{title}\n{'=' * len(title)}")
        print(
            f"{where['cpu']}, {where['threads']} threads of {where['cores']} cores; "
            f"torch {where['torch']}, transformers {where['transformers']}; {where['date']}"
        )

    def figures(self, name: str, **values: Any) -> None:
        """Keep figures for the JSON file."""
        self._figures.append({"name": name, **values})

    def goal(
        self, what: str, value: float | Ratio, goal: float | None, at_least: bool = True
    ) -> str:
        """Keep a figure with its goal; return the verdict, empty if there is no goal."""
        if goal is None:
            return ""
        interval = None
        if isinstance(value, Ratio):
            interval, value = value.interval, value.median
        self.goals.append(Goal(what, float(value), goal, at_least, interval))
        return self.goals[-1].verdict

    def text(self, line: str) -> None:
        """Print a line."""
        print(line, flush=True)

    def table(self, rows: Sequence[Mapping[str, str]]) -> None:
        """Print rows of one set of columns."""
        columns = list(rows[0])
        lines = [columns, *([row[column] for column in columns] for row in rows)]
        widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        for line in lines:
            cells = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
            cells[0] = line[0].ljust(widths[0])
            print("  ".join(cells).rstrip(), flush=True)

    def finish(self) -> None:
        """Print how long it took and write the JSON file, if one is wanted."""
        print(f"{time.perf_counter() - self._began:.0f} s")
        self.save(finished=True)

    def save(self, finished: bool = False) -> None:
        """Write what is there to the JSON file, if one is wanted."""
        if self._path is None:
            return
        record = {
            "title": self._title,
            "conditions": self.conditions,
            "finished": finished,
            "seconds": time.perf_counter() - self._began,
            "figures": self._figures,
            "goals": [{**asdict(goal), "met": bool(goal.met)} for goal in self.goals],
        }
        text = json.dumps(record, indent=1, default=_plain) + "\n"
        # Killed half-way, it leaves the file as it was.
        beside = self._path.with_name(f"{self._path.name}.part")
        beside.write_text(text)
        beside.replace(self._path)


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of the arguments that all benchmarks take."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--threads", type=int, default=2)
    made.add_argument("--json", type=Path, metavar="PATH", help="save the figures")
    made.add_argument("--quick", action="store_true", help="fewer rounds and shorter sequences")
    return made


def add_shape(made: argparse.ArgumentParser, lengths: Sequence[int]) -> None:
    """Add the arguments of benchmarks of random networks."""
    made.add_argument("--shape", choices=SHAPES, default="8M")
    made.add_argument("--lengths", type=int, nargs="+", default=list(lengths))


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Ratio):
        return asdict(value)
    return value.tolist()  # numpy
