"""Where and in which arithmetic a model runs."""

from typing import Final

import torch

_DTYPES: Final = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


def choose_device(device: str | torch.device | None) -> torch.device:
    """Return the device asked for, or the best there is: CUDA, else Apple's MPS, else the CPU.

    Raises
    ------
    ValueError
        If there is no such device.
    """
    present = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    present += ["mps:0"] if torch.backends.mps.is_available() else []
    present += ["cpu"]
    wanted = present[0] if device is None else str(device)
    wanted = {"cuda": "cuda:0", "mps": "mps:0"}.get(wanted, wanted)
    if wanted not in present:
        raise ValueError(f"there is no device {wanted!r} here: use one of {', '.join(present)}.")
    return torch.device(wanted)


def choose_dtype(dtype: str | torch.dtype | None) -> torch.dtype:
    """Return the arithmetic asked for; float32 by default.

    Raises
    ------
    ValueError
        If it is not one of float32, bfloat16 and float16.
    """
    name = "float32" if dtype is None else str(dtype).removeprefix("torch.")
    if name not in _DTYPES:
        raise ValueError(f"unknown dtype {name!r}: use one of {', '.join(map(repr, _DTYPES))}.")
    return _DTYPES[name]


def set_switches(product: torch.dtype) -> None:
    """Let CUDA compute products of a type as exactly as its numbers are; for the whole process.

    PyTorch has one switch of each kind for all threads. Those that a session has turned on would
    make a result less precise than it says: sums of float16 products in float16, and float32
    products in TF32. And attention is not left to cuDNN, which plans anew, for a good part of a
    second, for every length of a protein and every thread.
    """
    if product == torch.float16:
        torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    elif product == torch.float32:
        torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.enable_cudnn_sdp(False)
