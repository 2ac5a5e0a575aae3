"""Computes mutation scores in the background, residue by residue."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.models.masked_lm import Context
from plmwidgets.scan.background import BackgroundRun
from plmwidgets.scan.run import SINGLES_AT_ONCE
from plmwidgets.scan.single import single_contexts
from plmwidgets.scan.stopping import result_of, work_through
from plmwidgets.service import ModelService, Priority

if TYPE_CHECKING:
    from plmwidgets.methods.mutations.scores import MutationScores


class MutationRun(BackgroundRun):
    """Fills `MutationScores`; what is computed already is kept.

    Parameters
    ----------
    scores : MutationScores
        Its arrays are filled in place; residues that have scores are not computed again.
    service : ModelService
    precision : str, optional
        One that the model offers.
    """

    title: ClassVar = "mutation scores"

    def __init__(
        self, scores: "MutationScores", service: ModelService, precision: str | None = None
    ) -> None:
        self.scores = scores
        self.service = service
        self.precision = precision
        # Mutants of a residue that is none of the twenty have nothing to be compared with.
        mutants = scores.context == "mutant"
        self._wanted = scores.protein.wild_type >= 0 if mutants else np.ones(len(scores), bool)
        self._done = scores.computed
        super().__init__(scores.protein.name, int(self._wanted.sum()), "residues")

    def _work(self, stop: threading.Event) -> None:
        with self._lock:
            self._observe_rate(self._units_done())
        work_through(
            self._groups(),
            self._submit,
            lambda positions, future: self._take(positions, future, stop),
            self.service.lanes,
            stop,
        )

    def _groups(self) -> Iterator[list[int]]:
        """Cut what is missing into residues that are asked for together."""
        missing = np.flatnonzero(self._wanted & ~self._done).tolist()
        sizes = {"wild-type": len(missing), "masked": SINGLES_AT_ONCE, "mutant": 1}
        size = sizes[self.scores.context]
        for start in range(0, len(missing), size):
            yield missing[start : start + size]

    def _submit(self, positions: list[int]) -> "Future[NDArray[np.floating[Any]]]":
        sequence = self.scores.protein.sequence
        wanted: NDArray[np.int64] | None
        if self.scores.context == "wild-type":
            contexts, wanted = [Context(sequence)], None
        elif self.scores.context == "masked":
            every, hidden = single_contexts(sequence)
            contexts, wanted = [every[i] for i in positions], hidden[positions]
        else:
            (position,) = positions
            contexts = [Context(sequence, (), ((position, a),)) for a in self._others(position)]
            wanted = np.full((len(contexts), 1), position, dtype=np.int64)
        quick = self.scores.context != "mutant"
        return self.service.submit(
            contexts,
            wanted,
            priority=Priority.VISIBLE if quick else Priority.BACKGROUND,
            precision=self.precision,
        )

    def _others(self, position: int) -> str:
        return AMINO_ACIDS.replace(self.scores.protein.sequence[position], "")

    def _take(self, positions: list[int], future: "Future[Any]", stop: threading.Event) -> None:
        values = result_of(future, stop)
        with self._lock:
            if self.scores.context == "wild-type":
                self.scores.put(positions, values[0][positions])
            elif self.scores.context == "masked":
                self.scores.put(positions, values[:, 0])
            else:
                self._take_mutants(positions[0], values[:, 0].astype(np.float64))
            self._done[positions] = True
            self._observe_rate(self._units_done())
        self._notify()

    def _take_mutants(self, position: int, rows: NDArray[np.float64]) -> None:
        columns = [AMINO_ACIDS.index(a) for a in self._others(position)]
        own = int(self.scores.protein.wild_type[position])
        ratios = np.zeros(len(AMINO_ACIDS))
        ratios[columns] = rows[np.arange(len(rows)), columns] - rows[:, own]
        self.scores.log_ratios[position] = ratios

    def _units_done(self) -> int:
        return int(self._done.sum())

    def _is_complete(self) -> bool:
        return self._units_done() == self._total
