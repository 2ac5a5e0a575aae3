"""A model that is elsewhere, with the face of a local one."""

from collections.abc import Generator, Sequence
from concurrent.futures import wait
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from plmwidgets.cluster.link import Answer, Link
from plmwidgets.cluster.remote_service import RemoteService
from plmwidgets.cluster.work import PairPass, Predictions
from plmwidgets.models.masked_lm import Context
from plmwidgets.pending import Array
from plmwidgets.service import Priority

POLL_SECONDS = 0.2
NOT_ASKED_FOR = {"asynchronous", "attentions", "contacts", "embeddings"}
"""What workers offer that cannot be asked of them from here; they use the first by themselves."""


class RemoteMaskedLM:
    """A model on a cluster or behind an executor; see `MaskedLM` for the rest.

    Parameters
    ----------
    link : Link
    place : str
        What its identity says of the device, before the workers' own: ``"ray"``.
    """

    def __init__(self, link: Link, place: str) -> None:
        self.link = link
        there = link.description
        self.name = there.name
        # A local model of the same weights is another one, with a service of its own.
        self.identity = replace(there.identity, device=f"{place}:{there.identity.device}")
        self.capabilities = there.capabilities - NOT_ASKED_FOR | {"remote"}
        self.max_length = there.max_length
        self.precisions = there.precisions
        self._ask = lru_cache(64)(link.ask_model)

    def __repr__(self) -> str:
        workers = f"{self.link.lanes} worker{'s' * (self.link.lanes > 1)}"
        place = f"{self.identity.dtype}, {self.identity.device}"
        return f"RemoteMaskedLM({self.name!r}, {place}, {workers})"

    def open_service(self) -> RemoteService:
        """Return a new service that asks the workers; ``service_for`` returns the one in use."""
        return RemoteService(self, self.link)

    def check_sequence(self, sequence: str) -> None:
        """Raise `ModelError`, saying why, if the model cannot take this sequence."""
        self._ask("check_sequence", sequence)

    def preferred_batch(self, length: int) -> int | None:
        """As `MaskedLM.preferred_batch`, of the workers' model."""
        size: int | None = self._ask("preferred_batch", length)
        return size

    def log_probabilities(
        self,
        contexts: Sequence[Context],
        positions: NDArray[np.int64] | None = None,
        precision: str | None = None,
    ) -> Array:
        """Natural-log probabilities, as `PreciseMaskedLM.log_probabilities`; waits for them."""
        work = Predictions(contexts, positions, precision)
        return self.link.ask(work, Priority.INTERACTIVE).result()

    def log_probability_steps(
        self,
        contexts: Sequence[Context],
        positions: NDArray[np.int64] | None = None,
        precision: str | None = None,
    ) -> Generator[float, None, Array]:
        """Do the same behind other work, stopping now and then."""
        work = Predictions(contexts, positions, precision)
        return _followed(self.link.ask(work, Priority.VISIBLE))

    def pair_pass(
        self,
        sequence: str,
        positions: NDArray[np.int64],
        precision: str | None = None,
        memory: int | None = None,
    ) -> Generator[float, None, Array]:
        """As `PairPassMaskedLM.pair_pass`, computed by one worker."""
        work = PairPass(sequence, positions, precision, memory)
        return _followed(self.link.ask(work, Priority.BACKGROUND))

    def pair_pass_cost(self, length: int, n: int) -> float:
        """As `PairPassMaskedLM.pair_pass_cost`."""
        return float(self._ask("pair_pass_cost", length, n))

    def pair_pass_bytes(self, length: int, n: int) -> int:
        """As `PairPassMaskedLM.pair_pass_bytes`, on one worker."""
        return int(self._ask("pair_pass_bytes", length, n))


def _followed(answer: Answer) -> Generator[float, None, Array]:
    """Yield the share that is done until the answer is there; withdraw it when closed."""
    try:
        while not answer.done():
            yield answer.share
            wait([answer], timeout=POLL_SECONDS)
        return answer.result()
    finally:
        answer.cancel()
