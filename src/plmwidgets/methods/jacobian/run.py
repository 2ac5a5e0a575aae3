"""Computes a categorical Jacobian on a model service: in the background, row by row, resumable."""

import itertools
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from plmwidgets.alphabet import AMINO_ACIDS, INDEX
from plmwidgets.methods.jacobian.fast import whole_positions
from plmwidgets.methods.jacobian.rows import LETTERS, Rows
from plmwidgets.models.masked_lm import Context
from plmwidgets.protein import Protein
from plmwidgets.scan.background import BackgroundRun
from plmwidgets.scan.stopping import check, result_of, work_through
from plmwidgets.service import ModelService, Priority

Array = NDArray[np.floating[Any]]


def positions_together(contexts: int, batch: int) -> int:
    """Return how many positions to compute together, each in so many contexts.

    As few as fill their batches by nineteen in twenty: a small rest costs more than its share.
    """
    for together in itertools.count(1):
        batches = -(-together * contexts // batch)
        if together * contexts >= 0.95 * batches * batch:
            break
    return together


class JacobianRun(BackgroundRun):
    """Fills the rows of a Jacobian, and at the end its norms.

    The wild type is the same context at every position: it takes one pass in all.

    Parameters
    ----------
    protein : Protein
    rows : Rows
        Filled in place; what is known already is kept.
    service : ModelService
    provenance : mapping
        Of the Jacobian: ``identity`` with ``method`` and ``precision``, and ``batch``, the contexts
        in a batch, None where that is to be learnt while it runs.
    """

    title: ClassVar = "categorical Jacobian"

    def __init__(
        self,
        protein: Protein,
        rows: Rows,
        service: ModelService,
        provenance: Mapping[str, Any],
    ) -> None:
        self._protein = protein
        self._rows = rows
        self._service = service
        self._full = provenance["identity"]["method"] == "full"
        self._precision: str = provenance["identity"]["precision"]
        self._batch: int | None = provenance["batch"]
        self._under_way = 0.0  # of the positions in hand, how many are done
        # The groups are always the same, as are their batches: bit for bit, a run that was
        # interrupted is one that was not.
        together = positions_together(LETTERS - 1 if self._full else 1, self._batch or LETTERS)
        length = len(protein)
        self._groups = [
            range(start, min(start + together, length)) for start in range(0, length, together)
        ]
        super().__init__(protein.name, length, "positions")

    # The work

    def _work(self, stop: threading.Event) -> None:
        self._under_way = 0.0
        self._rows.flush()
        self._stage = "positions"
        self._run_positions(stop)
        if self._rows.norms is None:
            self._stage = "norms"
            norms = self._rows.compute_norms(lambda: check(stop))
            if self._rows.store is not None:
                self._rows.store.write_norms(norms)

    def _run_positions(self, stop: threading.Event) -> None:
        groups = [group for group in self._groups if not self._rows.known[list(group)].all()]
        if not groups:
            return
        wild_type = None
        if self._full:
            wild_type = result_of(self._submit([Context(self._protein.sequence)]), stop)[0]
        with self._lock:
            self._observe_rate(self._units_done())
        work_through(
            groups,
            lambda group: self._submit_group(group, stop),
            lambda group, future: self._take(group, future, wild_type, stop),
            self._service.lanes,
            stop,
        )

    def _contexts(self, position: int) -> Iterator[Context]:
        """Give what the model is shown for a position, but for the wild type."""
        sequence = self._protein.sequence
        if not self._full:
            yield Context(sequence, (position,))
            return
        for letter in AMINO_ACIDS:
            if letter != sequence[position]:
                yield Context(sequence, (), ((position, letter),))

    def _submit_group(self, group: range, stop: threading.Event) -> "Future[Array]":
        contexts = [context for position in group for context in self._contexts(position)]
        share = len(group) / len(contexts)

        def count(start: int, end: int, _: Array) -> None:
            with self._lock:
                if not stop.is_set():  # what outlives a pause is asked for again
                    self._under_way += (end - start) * share
            self._notify()

        return self._submit(contexts, count)

    def _submit(self, contexts: list[Context], on_part: Any = None) -> "Future[Array]":
        return self._service.submit(
            contexts,
            whole_positions(contexts),
            priority=Priority.BACKGROUND,
            on_part=on_part,
            precision=self._precision,
            batch=self._batch,
        )

    def _take(
        self,
        group: range,
        future: "Future[Array]",
        wild_type: Array | None,
        stop: threading.Event,
    ) -> None:
        values = result_of(future, stop)
        taken = 0
        for position in group:
            own = INDEX.get(self._protein.sequence[position], -1)
            count = sum(1 for _ in self._contexts(position))
            row = values[taken : taken + count]
            taken += count
            if wild_type is not None and own >= 0:
                row = np.insert(row, own, wild_type, axis=0)
            if not self._rows.known[position]:
                self._rows.put(position, row)
        with self._lock:
            self._under_way = max(0.0, self._under_way - len(group))
            self._observe_rate(self._units_done())
        self._notify()

    # State

    def _units_done(self) -> int:
        return int(self._rows.known.sum())

    def _share(self) -> float:
        return min(1.0, (self._units_done() + self._under_way) / self._total)

    def _is_complete(self) -> bool:
        return self._rows.complete and self._rows.norms is not None
