"""Reading some of a checkpoint's tensors, and no others, from its files."""

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import torch
from safetensors import safe_open
from torch import Tensor

from plmwidgets.models.checkpoint import first_line
from plmwidgets.models.masked_lm import ModelError

_T = TypeVar("_T")

_LEGACY: Final = (
    ("LayerNorm.gamma", "LayerNorm.weight"),
    ("LayerNorm.beta", "LayerNorm.bias"),
)
"""What transformers calls differently in a file and in a network."""


class WeightFiles:
    """The tensors in a checkpoint's files, by the names of the network's parameters.

    Parameters
    ----------
    paths : sequence of Path
        safetensors files, or pickles, of which only tensors are read.

    Attributes
    ----------
    shapes : dict of str to tuple of int

    Raises
    ------
    ModelError
        If a file cannot be read, naming it.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.shapes: dict[str, tuple[int, ...]] = {}
        self._places: dict[str, tuple[Path, str]] = {}
        self._states = {path: _reading(path, _state) for path in paths}
        for path in paths:
            for stored, shape in _reading(path, _stored_shapes).items():
                name = stored
                for legacy, current in _LEGACY:
                    name = name.replace(legacy, current)
                self.shapes[name] = shape
                self._places[name] = (path, stored)

    def read(self, prefix: str, dtype: torch.dtype) -> dict[str, Tensor]:
        """Return the tensors whose names begin so, in host memory and of one type.

        Raises
        ------
        ModelError
            If a file cannot be read or is not the one that it was, naming it.
        """
        wanted: defaultdict[Path, dict[str, str]] = defaultdict(dict)
        for name, (path, stored) in self._places.items():
            if name.startswith(prefix):
                wanted[path][name] = stored
        tensors: dict[str, Tensor] = {}
        for path, names in wanted.items():
            if _reading(path, _state) != self._states[path]:
                raise ModelError(
                    f"{path} was written anew while its model was in use, so that the layers "
                    "would not belong together: load the model again."
                )
            tensors |= _reading(path, _reader(names, dtype))
        return tensors


def _reading(path: Path, read: Callable[[Path], _T]) -> _T:
    try:
        return read(path)
    except MemoryError:
        raise
    except Exception as error:
        raise ModelError(
            f"{path} cannot be read ({first_line(error)}), and a model that is larger than the "
            "memory for it needs its files as long as it is used: fetch or write the model again, "
            "then load it again."
        ) from error


def _state(path: Path) -> tuple[int, int, int]:
    state = os.stat(path)
    return state.st_ino, state.st_mtime_ns, state.st_size


def _stored_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    if path.suffix != ".safetensors":
        return {name: tuple(tensor.shape) for name, tensor in _open_pickle(path).items()}
    with safe_open(path, framework="pt") as file:
        names: list[str] = file.keys()
        return {name: tuple(file.get_slice(name).get_shape()) for name in names}


def _reader(names: dict[str, str], dtype: torch.dtype) -> Callable[[Path], dict[str, Tensor]]:
    def read(path: Path) -> dict[str, Tensor]:
        # Copied, or the data would come from the disk only when they are used.
        if path.suffix != ".safetensors":
            tensors = _open_pickle(path)
            return {name: tensors[stored].to(dtype, copy=True) for name, stored in names.items()}
        with safe_open(path, framework="pt") as file:
            return {
                name: file.get_tensor(stored).to(dtype, copy=True) for name, stored in names.items()
            }

    return read


def _open_pickle(path: Path) -> dict[str, Tensor]:
    content = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    return {name: value for name, value in content.items() if isinstance(value, Tensor)}
