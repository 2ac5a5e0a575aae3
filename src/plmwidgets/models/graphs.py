"""Short passes on a GPU as CUDA graphs: recorded once, then launched as a whole.

A layer is a dozen kernels, and Python takes longer to ask for them than a GPU to compute them when
the proteins are short or few. A graph asks for all of a pass at once. It repeats the same kernels
on the same memory, so that each shape needs a recording of its own.

While one is made, for some milliseconds, whatever else in this process waits for the whole device
or draws random numbers on it may fail, and so may the recording, which is then tried again.
"""

import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

import torch
from torch import Tensor

MOST_RECORDINGS: Final = 8
"""Recordings that are kept: their memory stays taken."""
MOST_MET: Final = 64
"""Shapes that are remembered as having come."""
MOST_FAILURES: Final = 3
"""After so many, passes are no longer recorded."""
_ROUNDING: Final = 0.05
"""Of log-probabilities, if a graph uses other kernels for the same products."""

Compute = Callable[[Tensor, Tensor | None], Tensor]
_Shape = tuple[torch.Size, torch.Size | None]
recording: Final = threading.Lock()
"""Held while a graph is recorded: PyTorch records one at a time, and some calls would spoil it."""


_spoiled: list[Any] = []
"""Graphs of recordings that failed; few, see `MOST_FAILURES`."""


class _Graph(Protocol):
    def replay(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Recording:
    """A pass over fixed memory.

    Attributes
    ----------
    memory : Any
        Holds what the graph reads and writes beside its input and the weights.
    ids, tokens : Tensor, Tensor or None
        Where the graph reads its input.
    result : Tensor
        Where it writes.
    graph : CUDAGraph
    """

    memory: Any
    ids: Tensor
    tokens: Tensor | None
    result: Tensor
    graph: _Graph

    def run(self, ids: Tensor, tokens: Tensor | None) -> Tensor:
        self.ids.copy_(ids)
        if self.tokens is not None and tokens is not None:
            self.tokens.copy_(tokens)
        self.graph.replay()
        return self.result.clone()  # the next run overwrites it


class Recordings:
    """Passes of an encoder, recorded when a shape comes for the second time."""

    def __init__(self) -> None:
        self._met: OrderedDict[_Shape, None] = OrderedDict()
        self._recorded: OrderedDict[_Shape, _Recording] = OrderedDict()
        self._stream: Any = None
        self._failures = 0

    def run(
        self, ids: Tensor, tokens: Tensor | None, make: Callable[[int], tuple[Compute, Any]]
    ) -> Tensor | None:
        """Run a recorded pass.

        Parameters
        ----------
        ids : Tensor of int64, shape (n, T)
        tokens : Tensor of int64, shape (n, k), or None
        make : callable
            Given T, returns a pass over T tokens, from ids and tokens to log-probabilities, which
            reads nothing back from the device, and what holds the memory that it uses, beside the
            weights: nobody else's.

        Returns
        -------
        Tensor or None
            Log-probabilities, in memory that nobody else uses; None if this shape has no recording.
        """
        shape = (ids.shape, None if tokens is None else tokens.shape)
        if shape in self._recorded:
            self._recorded.move_to_end(shape)
            return self._recorded[shape].run(ids, tokens)
        if shape not in self._met:  # most shapes come once
            _remember(self._met, shape, None, MOST_MET)
            return None
        if self._failures == MOST_FAILURES:
            return None
        made = self._record(ids, tokens, *make(ids.shape[1]))
        if made is None:
            return None
        _remember(self._recorded, shape, made, MOST_RECORDINGS)
        return made.run(ids, tokens)

    def _record(
        self, ids: Tensor, tokens: Tensor | None, compute: Compute, memory: Any
    ) -> _Recording | None:
        ids, tokens = ids.clone(), None if tokens is None else tokens.clone()
        try:
            if self._stream is None:
                self._stream = new_stream(ids.device)
            graph, result = capture(lambda: compute(ids, tokens), self._stream)
            recorded = _Recording(memory, ids, tokens, result, graph)
            # What does not repeat the pass must not give numbers; rounding may differ a little.
            if not recorded.run(ids, tokens).allclose(compute(ids, tokens), atol=_ROUNDING):
                raise RuntimeError("it gave other numbers than the pass that was recorded")
        except Exception as error:  # of PyTorch, Triton or the driver: the plain pass will do
            self._failures += 1
            if self._failures == MOST_FAILURES:
                reason = (str(error) or type(error).__name__).splitlines()[0]
                warnings.warn(
                    f"short passes on {ids.device} will be slower than they could be, as no CUDA "
                    f"graph could be recorded: {reason}",
                    stacklevel=2,
                )
            return None
        return recorded


def _remember(known: OrderedDict[_Shape, Any], shape: _Shape, value: Any, most: int) -> None:
    known[shape] = value
    if len(known) > most:
        known.popitem(last=False)


def new_stream(device: torch.device) -> Any:
    """Return a stream to record on."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


def capture(compute: Callable[[], Tensor], stream: Any) -> tuple[_Graph, Tensor]:
    """Record what a pass asks of a GPU; return the graph and the memory of its result.

    As `torch.cuda.graph` does, but without waiting for the whole device and giving back all unused
    memory before, which would disturb others; and what fails leaves the thread as it was.
    """
    current = torch.cuda.current_stream(stream.device)
    stream.wait_stream(current)
    try:
        with recording, torch.cuda.device(stream.device), torch.cuda.stream(stream):
            compute()  # what is made once only, and compiled, must not become part of the graph
            # Else the graph would use the scratch memory of matrix products that all share on this
            # stream, and that the end of another graph frees.
            torch._C._cuda_clearCublasWorkspaces()
            try:
                return _record(compute, stream.device.index)
            finally:
                torch._C._cuda_clearCublasWorkspaces()
    finally:
        current.wait_stream(stream)  # before anybody uses again what the pass above has read


def _record(compute: Callable[[], Tensor], device: int) -> tuple[_Graph, Tensor]:
    graph, pool = torch.cuda.CUDAGraph(), torch.cuda.graph_pool_handle()
    try:
        # Other threads may use the GPU meanwhile; this one must not do what cannot be recorded.
        graph.capture_begin(pool=pool, capture_error_mode="thread_local")
        result = compute()
        graph.capture_end()
    except BaseException:
        with suppress(RuntimeError):
            graph.capture_end()  # if that has not failed itself
        with suppress(RuntimeError):
            # Where the end failed, PyTorch would think for ever that this memory is recorded to.
            torch._C._cuda_endAllocateToPool(device, pool)
            torch._C._cuda_releasePool(device, pool)
        _spoiled.append(graph)  # which PyTorch may still refer to
        raise
    return graph, result
