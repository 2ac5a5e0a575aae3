"""Computes embeddings on a model service: in the background, some sequences at a time."""

import threading
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, ClassVar, Final, cast

import numpy as np
from numpy.typing import NDArray

from plmwidgets.faults import advice_on_nan, arithmetic_of
from plmwidgets.methods.embeddings.input import SequenceSet
from plmwidgets.methods.embeddings.states import States
from plmwidgets.models.masked_lm import Context, EmbeddingMaskedLM, ModelError
from plmwidgets.scan.background import BackgroundRun
from plmwidgets.scan.stopping import result_of, work_through
from plmwidgets.service import ModelService, Priority

BYTES_AT_ONCE: Final = 2**27
"""What the embeddings that are asked for together may take."""


class EmbeddingRun(BackgroundRun):
    """Fills the `States` of some proteins.

    Sequences of one length go through the model together, so that nothing is ever padded.

    Parameters
    ----------
    subject : SequenceSet
    states : States
        Filled in place; what is known already is kept.
    service : ModelService
        Of an `EmbeddingMaskedLM`.
    provenance : mapping
        Of the embeddings: ``identity`` with ``layers``, ``masked`` and ``precision``.
    """

    title: ClassVar = "embeddings"

    def __init__(
        self,
        subject: SequenceSet,
        states: States,
        service: ModelService,
        provenance: Mapping[str, Any],
    ) -> None:
        identity = provenance["identity"]
        hidden = tuple(identity["masked"])
        self._contexts = [Context(protein.sequence, hidden) for protein in subject.proteins]
        self._names = subject.residue_labels
        self._states = states
        self._service = service
        self._model = cast(EmbeddingMaskedLM, service.model)
        self._layers: list[int] = identity["layers"]
        self._precision: str = identity["precision"]
        self._under_way: dict[int, float] = {}  # of sequences in hand, how much is done
        super().__init__(subject.name, len(self._contexts), "sequences")

    def _work(self, stop: threading.Event) -> None:
        with self._lock:
            self._under_way.clear()
            self._observe_rate(self._units_done())
        self._states.flush()
        work_through(
            self._groups(),
            lambda group: self._submit(group, stop),
            lambda group, future: self._take(group, future, stop),
            self._service.lanes,
            stop,
        )

    def _groups(self) -> list[list[int]]:
        """Cut what is missing into sequences of one length that are asked for together."""
        groups: list[list[int]] = []
        open_groups: defaultdict[int, list[int]] = defaultdict(list)
        for index in np.flatnonzero(~self._states.known).tolist():
            length = len(self._contexts[index].sequence)
            group = open_groups[length]
            if not group:
                groups.append(group)
            group.append(index)
            if len(group) >= self._together(length):
                del open_groups[length]
        return groups

    def _together(self, length: int) -> int:
        each = 4 * len(self._layers) * length * self._model.embedding_shape[1]
        return max(1, min(self._model.preferred_batch(length) or 1, BYTES_AT_ONCE // each))

    def _submit(self, group: list[int], stop: threading.Event) -> "Future[NDArray[Any]]":
        contexts = [self._contexts[index] for index in group]

        def count(share: float) -> None:
            with self._lock:
                if not stop.is_set():  # what outlives a pause is asked for again
                    self._under_way[group[0]] = share * len(group)
            self._notify()

        return self._service.submit_steps(
            self._model.embedding_steps(contexts, self._layers, self._precision),
            # A click on a protein should not wait for a file of them.
            priority=Priority.VISIBLE if self._total == 1 else Priority.BACKGROUND,
            on_step=count,
        )

    def _take(
        self, group: list[int], future: "Future[NDArray[Any]]", stop: threading.Event
    ) -> None:
        for index, values in zip(group, result_of(future, stop), strict=True):
            if not np.isfinite(values).all():
                raise ModelError(
                    f"{self._model.name} ({arithmetic_of(self._model, self._precision)}) returned "
                    f"NaN or infinite values for {self._names[index]!r}: "
                    f"{advice_on_nan(self._model, self._precision)}"
                )
            # A copy, or each would hold the memory of the whole group.
            self._states.put(index, values if len(group) == 1 else values.copy())
        with self._lock:
            self._under_way.pop(group[0], None)
            self._observe_rate(self._units_done())
        self._notify()

    def _units_done(self) -> int:
        return int(self._states.known.sum())

    def _share(self) -> float:
        return min(1.0, (self._units_done() + sum(self._under_way.values())) / self._total)

    def _is_complete(self) -> bool:
        return bool(self._states.known.all())
