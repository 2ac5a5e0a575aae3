"""Layers that do not stay in memory: each is read when a pass comes to it.

A pass asks for its layers in order. While it works with one, a thread reads the next, so that a
batch of contexts costs one sweep over the files, and two layers at a time take memory.
"""

import copy
import threading
import traceback
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, fields
from queue import SimpleQueue
from typing import Final, overload

import torch

from plmwidgets.models.layers import Arithmetic, Layer, Linear, Norm

STREAM_BYTES: Final = 2**28
"""Bytes of the residual stream that go through a streamed model together: 1/4 GiB."""
MOST_CONTEXTS: Final = 1024
"""Contexts that go through a streamed model together at most."""


class LayerStream(Sequence[Layer]):
    """The layers of a model, read when they are asked for, and the next one ahead of that.

    Threads may share it. What two passes at once ask for is right for both, but read twice.

    Parameters
    ----------
    read : callable
        Returns a layer by its index, in host memory; called in a thread of the stream.
    count : int
        Number of layers.
    device : torch.device
        Where they are wanted.
    arithmetic : Arithmetic
        In which they are wanted.
    """

    def __init__(
        self,
        read: Callable[[int], Layer],
        count: int,
        device: torch.device,
        arithmetic: Arithmetic,
    ) -> None:
        self._count = count
        self._device = device
        self._arithmetic = arithmetic
        self._thread = _Thread(_Reader(read, count, device))

    def in_arithmetic(self, arithmetic: Arithmetic) -> "LayerStream":
        """Return the same layers in another arithmetic; both read in the same thread."""
        other = copy.copy(self)
        other._arithmetic = arithmetic
        return other

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Layer]: ...
    def __getitem__(self, index: int | slice) -> Layer | Sequence[Layer]:
        """Return a layer, and begin to read the next one.

        Raises
        ------
        ModelError
            If it cannot be read, naming the file.
        IndexError
            If there is no such layer.
        """
        if isinstance(index, slice):
            raise TypeError("the layers of a streamed model come one at a time: ask for one index.")
        if not 0 <= index < self._count:
            raise IndexError(f"there is no layer {index}: there are {self._count}, from 0.")
        if self._device.type == "cuda":
            # The layer before is free once it has been computed with, not once that is queued.
            torch.cuda.current_stream(self._device).synchronize()
        layer = self._thread.layer(_Wish(index, self._arithmetic))
        if self._device.type == "cuda":
            for tensor in _tensors(layer):
                tensor.record_stream(torch.cuda.current_stream(self._device))
        return layer


@dataclass(frozen=True, slots=True)
class _Wish:
    index: int
    arithmetic: Arithmetic


class _Thread:
    """The thread of a `_Reader`, which ends when nobody holds this object."""

    def __init__(self, reader: "_Reader") -> None:
        self._queue = reader.queue
        # It must not keep this object, or it would never end.
        thread = threading.Thread(target=reader.run, name="plmwidgets-layers", daemon=True)
        thread.start()
        self._end = weakref.finalize(self, _end, reader.queue, thread)

    def layer(self, wish: _Wish) -> Layer:
        if not self._end.alive:
            raise RuntimeError("Python is about to exit: no more weights can be read.")
        future: Future[Layer] = Future()
        self._queue.put((wish, future))
        return future.result()


def _end(queue: "SimpleQueue[_Message]", thread: threading.Thread) -> None:
    queue.put(None)
    # At exit, a thread that is still reading could crash the process.
    if thread is not threading.current_thread():
        thread.join(timeout=5)


_Message = tuple[_Wish, "Future[Layer]"] | str | None
_DROPPED: Final = "dropped"


class _Reader:
    """What the thread does: all that it holds is touched by the thread alone.

    It is told by messages which layer somebody waits for, and which tensors nobody uses any more:
    it reads ahead while one layer exists at most. Only who waits is given another in any case.
    """

    def __init__(self, read: Callable[[int], Layer], count: int, device: torch.device) -> None:
        # Unlike other queues, it may be put to while garbage is collected.
        self.queue: SimpleQueue[_Message] = SimpleQueue()
        self._read = read
        self._count = count
        self._device = device
        # Copies on a stream of their own do not wait for what is computed meanwhile.
        self._copies: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._copies = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._tensors = 0  # that exist
        self._tensors_each = 0  # layer
        self._ahead: tuple[_Wish, Layer] | None = None
        self._next: _Wish | None = None

    def run(self) -> None:
        while self._handle_message():
            may_read = self._tensors <= self._tensors_each and self.queue.empty()
            if self._next is not None and may_read:
                self._read_ahead(self._next)

    def _handle_message(self) -> bool:
        # A method of its own, or its variables would keep a layer until the next message.
        message = self.queue.get()
        if message is None:
            self._ahead = None
            return False
        if isinstance(message, str):
            self._tensors -= 1
            return True
        wish, future = message
        self._next = None
        try:
            future.set_result(self._take(wish))
            self._next = _Wish((wish.index + 1) % self._count, wish.arithmetic)
        except BaseException as error:  # it belongs to whoever waits
            traceback.clear_frames(error.__traceback__)  # which may hold part of a layer
            future.set_exception(error)
        return True

    def _take(self, wish: _Wish) -> Layer:
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] == wish:
            return ahead[1]
        del ahead  # before another takes its memory
        return self._load(wish)

    def _read_ahead(self, wish: _Wish) -> None:
        self._next = None
        # Whoever asks for it will see why, if it fails again.
        with suppress(BaseException):
            self._ahead = (wish, self._load(wish))

    def _load(self, wish: _Wish) -> Layer:
        layer = self._read(wish.index)
        with torch.cuda.stream(self._copies):
            layer = layer.to(self._device, wish.arithmetic)
        if self._copies is not None:
            self._copies.synchronize()
        tensors = _tensors(layer)
        self._tensors_each = len(tensors)
        self._tensors += len(tensors)
        for tensor in tensors:
            weakref.finalize(tensor, self.queue.put, _DROPPED).atexit = False
        return layer


def _tensors(layer: Layer) -> list[torch.Tensor]:
    parts = [getattr(layer, field.name) for field in fields(layer)]
    tensors = [t for p in parts if isinstance(p, Norm | Linear) for t in (p.weight, p.bias)]
    return [tensor for tensor in tensors if tensor is not None]
