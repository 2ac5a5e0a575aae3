"""Short passes on a GPU as CUDA graphs: recorded once, then launched as a whole.

A layer is a dozen kernels, and Python takes longer to ask for them than a GPU to compute them when
the proteins are short or few. A graph asks for all of a pass at once. It repeats the same kernels
on the same memory, so that each shape needs a recording of its own.
"""

import warnings
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import torch
from torch import Tensor

MOST_RECORDINGS: Final = 8
"""Shapes that are remembered: the memory of a recording stays taken."""

Compute = Callable[[Tensor, Tensor | None], Tensor]
_Shape = tuple[torch.Size, torch.Size | None]


class _Graph(Protocol):
    def replay(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Recording:
    """A pass over fixed memory.

    Attributes
    ----------
    compute : callable
        What was recorded: it holds memory that the graph uses.
    ids, tokens : Tensor, Tensor or None
        Where the graph reads its input.
    result : Tensor
        Where it writes.
    graph : CUDAGraph
    """

    compute: Compute
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
        self._known: OrderedDict[_Shape, _Recording | None] = OrderedDict()
        self._stream: Any = None
        self._works = True

    def run(
        self, ids: Tensor, tokens: Tensor | None, make: Callable[[int], Compute]
    ) -> Tensor | None:
        """Run a recorded pass.

        Parameters
        ----------
        ids : Tensor of int64, shape (n, T)
        tokens : Tensor of int64, shape (n, k), or None
        make : callable
            Given T, returns a pass over T tokens, from ids and tokens to log-probabilities, that
            uses memory of its own alone and reads nothing back from the device.

        Returns
        -------
        Tensor or None
            Log-probabilities, in memory that nobody else uses; None if this shape has no recording.
        """
        shape = (ids.shape, None if tokens is None else tokens.shape)
        if shape not in self._known:  # most shapes come once
            self._known[shape] = None
            if len(self._known) > MOST_RECORDINGS:
                self._known.popitem(last=False)
            return None
        self._known.move_to_end(shape)
        recording = self._known[shape]
        if recording is None and self._works:
            recording = self._known[shape] = self._record(ids, tokens, make(ids.shape[1]))
        return None if recording is None else recording.run(ids, tokens)

    def _record(self, ids: Tensor, tokens: Tensor | None, compute: Compute) -> _Recording | None:
        if self._stream is None:  # one for all: each stream keeps memory for matrix products
            self._stream = new_stream(ids.device)
        ids, tokens = ids.clone(), None if tokens is None else tokens.clone()
        try:
            graph, result = capture(lambda: compute(ids, tokens), self._stream)
        except torch.OutOfMemoryError:
            return None
        except RuntimeError as error:
            self._works = False
            warnings.warn(
                f"short passes on {ids.device} will be slower than they could be, as no CUDA graph "
                f"could be recorded: {str(error).splitlines()[0]}",
                stacklevel=2,
            )
            return None
        return _Recording(compute, ids, tokens, result, graph)


def new_stream(device: torch.device) -> Any:
    """Return a stream to record on."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


def capture(compute: Callable[[], Tensor], stream: Any) -> tuple[_Graph, Tensor]:
    """Record what a pass asks of a GPU; return the graph and the memory of its result."""
    current = torch.cuda.current_stream(stream.device)
    stream.wait_stream(current)
    with torch.cuda.stream(stream):
        compute()  # what is made once only must not become part of the graph
    current.wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    # Other threads may use the GPU meanwhile: this one alone must not do what cannot be recorded.
    with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
        result = compute()
    return graph, result
