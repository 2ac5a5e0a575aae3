"""Where large states are kept: on the device, and beyond a budget in host memory or on disk."""

import math
import os
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import torch
from torch import Tensor

from plmwidgets.models.graphs import recording
from plmwidgets.models.masked_lm import ModelError

_CONTAINER = Path("/sys/fs/cgroup")


def free_memory(device: torch.device) -> int:
    """Return the bytes that are free on a device, for this process."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + unused
    free = int(psutil.virtual_memory().available)
    try:  # a container may be given less than the machine has
        limit, used = (
            int((_CONTAINER / name).read_text()) for name in ("memory.max", "memory.current")
        )
    except (OSError, ValueError):
        return free
    return min(free, max(0, limit - used))


class Room:
    """Makes large tensors, on the device while they fit a budget.

    Parameters
    ----------
    device : torch.device
    memory : int, optional
        Bytes that the tensors may take on the device; by default, four fifths of what is free.
        What goes beyond lies in host memory, for a GPU, or else in a temporary file.
    beside : int
        Bytes of what is free that are needed for something else.
    """

    def __init__(self, device: torch.device, memory: int | None = None, beside: int = 0) -> None:
        self.device = device
        free = free_memory(device)
        self._left = max(0, min(free * 4 // 5, free - beside)) if memory is None else memory
        self._host = free_memory(torch.device("cpu")) * 4 // 5 if device.type != "cpu" else 0
        self._locked = False
        self._folder: str | None = None
        self._files = 0

    def make(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Return a tensor of any content."""
        size = math.prod(shape) * dtype.itemsize
        if size <= self._left:
            self._left -= size
            return torch.empty(*shape, dtype=dtype, device=self.device)
        locked = 1 << max(0, size - 1).bit_length()  # PyTorch takes a power of two
        if locked <= self._host:
            self._host -= locked
            self._locked = True
            return torch.empty(*shape, dtype=dtype, pin_memory=True)
        return self._make_file(size, math.prod(shape), dtype).view(*shape)

    def _make_file(self, size: int, numbers: int, dtype: torch.dtype) -> Tensor:
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="plmwidgets-")
            # A pass may be dropped half-way: the files go with the room, or when Python ends.
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        free = shutil.disk_usage(self._folder).free
        if size > free:
            # A mapped file that finds the disk full would end the process.
            raise ModelError(
                f"the superposed pass needs {size / 1e9:.3g} GB more than its memory, and "
                f"{tempfile.gettempdir()} has {free / 1e9:.3g} GB free: free some space, set "
                "TMPDIR to a larger disk, or scan fewer positions"
            )
        self._files += 1
        path = f"{self._folder}/{self._files}"
        with open(path, "wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
        flat = torch.from_file(path, shared=True, size=numbers, dtype=dtype)
        if os.name == "posix":  # the mapping keeps the file; a killed process leaves none behind
            os.unlink(path)
        return flat

    def give_back(self) -> None:
        """Return page-locked memory to the system, once its tensors are gone: PyTorch keeps it."""
        # Not while a graph is recorded; in the thread that does so, the wait would have no end.
        if not self._locked or not recording.acquire(timeout=1):
            return
        try:
            with suppress(AttributeError, RuntimeError):  # not every PyTorch can, nor every device
                torch.cuda.current_stream(self.device).synchronize()  # for what still reads it
                torch.accelerator.empty_host_cache()
        finally:
            recording.release()

    def load(self, tensor: Tensor, part: slice = slice(None)) -> Tensor:
        """Return part of a tensor on the device: the tensor's own memory where it lies there."""
        return tensor[part].to(self.device, non_blocking=True)

    def store(self, tensor: Tensor, part: slice, values: Tensor) -> None:
        """Write back what was loaded, or something new."""
        target = tensor[part]
        if target.data_ptr() != values.data_ptr():
            target.copy_(values)
