"""Cuts requests into batches of a size that suits the model and its device."""

from collections.abc import Generator, Sequence

import numpy as np
from numpy.typing import NDArray

from plmwidgets.batch_size import BatchSize
from plmwidgets.faults import memory_failure
from plmwidgets.models.masked_lm import Context, MaskedLM
from plmwidgets.pending import Array, Batch, Request


class Batches:
    """Makes the batches of one model, and remembers which sizes suit it.

    Parameters
    ----------
    model : MaskedLM
    """

    def __init__(self, model: MaskedLM) -> None:
        self._model = model
        self._sizes: dict[tuple[int, int, str | None, int | None], BatchSize] = {}

    def next(self, request: Request) -> Batch:
        """Begin the next batch of a request."""
        start = request.begun
        stop = min(start + self._size(request).size, len(request.contexts))
        contexts = request.contexts[start:stop]
        wanted = None if request.positions is None else request.positions[start:stop]
        if "precision" in self._model.capabilities:
            steps = self._model.log_probability_steps(  # type: ignore[attr-defined]
                contexts, wanted, request.precision
            )
        else:
            steps = _in_one_step(self._model, contexts, wanted)
        request.begun, request.batch = stop, Batch(start, stop, steps)
        return request.batch

    def give_way(self, request: Request, error: Exception) -> None:
        """Drop a batch that there was no memory for, and take fewer contexts from now on.

        Raises
        ------
        ModelError
            If it was one context already.
        """
        batch = request.batch
        assert batch is not None
        if batch.stop - batch.start == 1:
            length = len(request.contexts[0].sequence)
            raise memory_failure(
                self._model,
                error,
                "use a smaller model, a shorter sequence or a device with more memory",
                f"a single context of {length} residues",
            ) from error
        self._size(request).halve()
        request.begun, request.batch = batch.start, None

    def learn(self, request: Request, batch: Batch) -> None:
        """Take note of what a finished batch took."""
        self._size(request).observe(batch.stop - batch.start, batch.seconds, batch.longest)

    def _size(self, request: Request) -> BatchSize:
        length = len(request.contexts[0].sequence)
        width = length if request.positions is None else request.positions.shape[1]
        key = (length, width, request.precision, request.size)
        if key not in self._sizes:
            fixed = self._model.preferred_batch(length) if request.size is None else request.size
            self._sizes[key] = BatchSize(fixed)
        return self._sizes[key]


def _in_one_step(
    model: MaskedLM, contexts: Sequence[Context], wanted: NDArray[np.int64] | None
) -> Generator[float | None, None, Array]:
    """Do as ``log_probability_steps`` of a model that has no steps."""
    yield from ()
    return model.log_probabilities(contexts, wanted)
