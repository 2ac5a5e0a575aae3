"""What is sent to where a model is, and who does it there."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plmwidgets.models import load_model
from plmwidgets.models.masked_lm import Context, MaskedLM, ModelIdentity
from plmwidgets.pending import Array
from plmwidgets.service import ModelService, Priority


@dataclass(frozen=True, eq=False, slots=True)
class Predictions:
    """Log-probabilities of contexts; the fields are those of `ModelService.submit`.

    The precision ``"double"`` is allowed as well.
    """

    contexts: Sequence[Context]
    positions: NDArray[np.int64] | None
    precision: str | None
    batch: int | None = None

    def joins(self, other: "Predictions") -> bool:
        """Tell whether both can be computed in one batch."""
        return (
            (self.precision, self.batch) == (other.precision, other.batch)
            and len(self.contexts[0].sequence) == len(other.contexts[0].sequence)
            and self._width == other._width
        )

    @property
    def _width(self) -> int | None:
        return None if self.positions is None else self.positions.shape[1]


@dataclass(frozen=True, eq=False, slots=True)
class PairPass:
    """A superposed pair pass; the fields are the arguments of `PairPassMaskedLM.pair_pass`."""

    sequence: str
    positions: NDArray[np.int64]
    precision: str | None
    memory: int | None


Work = Predictions | PairPass


def join(works: Sequence[Predictions]) -> Predictions:
    """Make one work of several that can be computed in one batch."""
    if len(works) == 1:
        return works[0]
    contexts = [context for work in works for context in work.contexts]
    if works[0].positions is None:
        return replace(works[0], contexts=contexts)
    positions = np.concatenate([np.asarray(work.positions) for work in works])
    return replace(works[0], contexts=contexts, positions=positions)


def split(values: Array, works: Sequence[Work]) -> list[Array]:
    """Give each of the joined works its rows of the answer."""
    if len(works) == 1:
        return [values]
    ends = np.cumsum([len(work.contexts) for work in works if isinstance(work, Predictions)])
    return np.split(values, ends[:-1])


@dataclass(frozen=True, slots=True)
class Description:
    """What a `MaskedLM` says of itself; the attributes are the model's."""

    name: str
    identity: ModelIdentity
    capabilities: frozenset[str]
    max_length: int | None
    precisions: tuple[str, ...]

    @classmethod
    def of(cls, model: MaskedLM) -> "Description":
        """Describe a loaded model."""
        return cls(
            model.name,
            model.identity,
            model.capabilities,
            model.max_length,
            getattr(model, "precisions", ("reference",)),
        )


class Worker:
    """A model and its service, where the work is done.

    Parameters
    ----------
    name : str
        As for `load_model`.
    options
        Further ones of `load_model`.
    """

    def __init__(self, name: str, **options: Any) -> None:
        self.model = load_model(name, **options)
        # Those who ask remember the answers.
        self.service = ModelService(self.model, cache_bytes=0)

    def submit(
        self, work: Work, priority: Priority, on_step: Callable[[float], None] | None = None
    ) -> "Future[Array]":
        """Begin a work; `on_step` hears the share of a pair pass that is done."""
        model: Any = self.model
        if isinstance(work, PairPass):
            steps = model.pair_pass(work.sequence, work.positions, work.precision, work.memory)
            return self.service.submit_steps(steps, priority=priority, on_step=on_step)
        if work.precision == "double":
            # At once: for each batch, all weights would be turned into double precision.
            steps = model.log_probability_steps(work.contexts, work.positions, "double")
            return self.service.submit_steps(steps, priority=priority)
        return self.service.submit(
            work.contexts,
            work.positions,
            priority=priority,
            precision=work.precision,
            batch=work.batch,
        )
