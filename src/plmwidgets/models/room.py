"""Where large states are kept: on the device, and beyond a budget in host memory or on disk."""

import math
import shutil
import tempfile
import weakref
from collections.abc import Sequence

import psutil
import torch
from torch import Tensor


def free_memory(device: torch.device) -> int:
    """Return the bytes that are free on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


class Room:
    """Makes large tensors, on the device while they fit a budget.

    Parameters
    ----------
    device : torch.device
    memory : int, optional
        Bytes that the tensors may take on the device; by default, four fifths of what is free.
        What goes beyond lies in host memory, for a GPU, or else in a temporary file.
    """

    def __init__(self, device: torch.device, memory: int | None = None) -> None:
        self.device = device
        free = free_memory(device) * 4 // 5
        self._left = free if memory is None else memory
        self._host = free_memory(torch.device("cpu")) * 4 // 5 if device.type != "cpu" else 0
        self._folder: str | None = None
        self._files = 0

    def make(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Return a tensor of any content."""
        size = math.prod(shape) * dtype.itemsize
        if size <= self._left:
            self._left -= size
            return torch.empty(*shape, dtype=dtype, device=self.device)
        if size <= self._host:
            self._host -= size
            return torch.empty(*shape, dtype=dtype, pin_memory=True)
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="plmwidgets-")
            # A pass may be dropped half-way: the files go with the room, or when Python ends.
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._files += 1
        path = f"{self._folder}/{self._files}"
        flat = torch.from_file(path, shared=True, size=math.prod(shape), dtype=dtype)
        return flat.view(*shape)

    def load(self, tensor: Tensor, part: slice = slice(None)) -> Tensor:
        """Return part of a tensor on the device: the tensor's own memory where it lies there."""
        return tensor[part].to(self.device, non_blocking=True)

    def store(self, tensor: Tensor, part: slice, values: Tensor) -> None:
        """Write back what was loaded, or something new."""
        target = tensor[part]
        if target.data_ptr() != values.data_ptr():
            target.copy_(values)

    @property
    def spilled(self) -> int:
        """Number of tensors that lie in files."""
        return self._files
