"""Rows of measured values with their goals."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from harness.report import Report
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Row:
    """What was measured, all samples of it, and what it should reach.

    Attributes
    ----------
    what : str
    unit : str
    values : array_like
    goal : float or None
    at_least : bool
        Whether larger is better.
    judged : float
        The percentile that is held against the goal.
    note : str
    """

    what: str
    unit: str
    values: Sequence[float] | NDArray[np.float64]
    goal: float | None = None
    at_least: bool = False
    judged: float = 95
    note: str = field(default="", kw_only=True)

    @property
    def figure(self) -> float:
        """The percentile judged; NaN where nothing was measured."""
        return self._percentile(self.judged)

    def cells(self, report: Report) -> dict[str, str]:
        """Return the row as text, and tell the report its verdict."""
        digits = 2 if self.unit == "ratio" else 0
        name = f"{self.what}, p{self.judged:g} ({self.unit})"
        verdict = report.goal(name, self.figure, self.goal, self.at_least)
        return {
            "": self.what,
            "unit": self.unit,
            "p50": f"{self._percentile(50):.{digits}f}",
            "p95": f"{self._percentile(95):.{digits}f}",
            "worst": f"{self._percentile(0 if self.at_least else 100):.{digits}f}",
            "samples": str(len(self.values)),
            "goal": "" if self.goal is None else f"p{self.judged:g} {verdict}",
            "note": self.note,
        }

    def record(self) -> dict[str, Any]:
        """Return all samples, for the JSON file."""
        return {"unit": self.unit, "values": np.asarray(self.values), "note": self.note}

    def _percentile(self, share: float) -> float:
        return float(np.percentile(self.values, share)) if len(self.values) else float("nan")
