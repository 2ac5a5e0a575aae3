"""Copies between the host and a GPU that neither waits for.

A GPU works through a queue. A copy from or to ordinary memory makes Python wait until all that was
queued before it is done, and meanwhile nothing new is queued: the GPU then idles until Python has
caught up. Copies through page-locked memory are queued like everything else.
"""

from collections import deque
from typing import Any, Final

import torch
from numpy.typing import NDArray
from torch import Tensor

STEPS_AHEAD: Final = 2
"""Steps that may be queued on a GPU: while it works on one, the next is there."""


def upload(array: NDArray[Any], device: torch.device) -> Tensor:
    """Return the numbers of an array on a device; on a GPU, the copy may still be queued."""
    values = torch.from_numpy(array)
    if device.type != "cuda":
        return values.to(device)
    # Its memory is used again only once the copy is done: PyTorch sees to that.
    return _page_locked(values).copy_(values).to(device, non_blocking=True)


class Download:
    """Values on their way to the host.

    Parameters
    ----------
    values : Tensor
        What is later written to its memory, in the same stream, does not change the copy.
    """

    def __init__(self, values: Tensor) -> None:
        self._done: torch.cuda.Event | None = None
        if values.device.type == "cuda":
            self._host = _page_locked(values).copy_(values, non_blocking=True)
            self._done = _mark(values.device)
        else:
            self._host = values.cpu()

    def wait(self) -> NDArray[Any]:
        """Return the values once they are there."""
        if self._done is None:
            found: NDArray[Any] = self._host.numpy()
            return found
        self._done.synchronize()
        return self._host.numpy().copy()  # results are kept, and page-locked memory is scarce


class Pace:
    """Keeps a computation at most `STEPS_AHEAD` steps ahead of its GPU.

    Else a step would take no time and say nothing, and whatever comes next would wait for a long
    queue.

    Parameters
    ----------
    device : torch.device
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._marks: deque[torch.cuda.Event] = deque()

    def step(self) -> None:
        """Say that a step has been queued; wait until the one two before it is done."""
        if self._device.type != "cuda":
            return
        self._marks.append(_mark(self._device))
        if len(self._marks) > STEPS_AHEAD:
            self._marks.popleft().synchronize()


def _page_locked(values: Tensor) -> Tensor:
    """Return host memory for these values that a GPU can copy from and to by itself."""
    return torch.empty(values.shape, dtype=values.dtype, pin_memory=True)


def _mark(device: torch.device) -> torch.cuda.Event:
    """Return what happens once all that is queued on a device by now, in this thread, is done."""
    # Who waits for it leaves the core to others.
    event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
    event.record(torch.cuda.current_stream(device))  # of that device, whichever is the current one
    return event
