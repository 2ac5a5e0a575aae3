"""What can go wrong on a device, told apart and told in words that say what to do."""

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plmwidgets.models.masked_lm import Context, MaskedLM, ModelError, default_precision

# By name and words: this layer serves models of any framework and imports none of them.
_NO_MEMORY: Final = re.compile(
    r"out of memory|can't allocate memory|not enough memory|ALLOC_FAILED", re.IGNORECASE
)
_DEVICE: Final = re.compile(r"\b(CUDA|HIP|XPU|MPS|cuDNN|cuBLAS)\b.*\b(error|failed|failure)\b|"
                            r"device-side assert|CUDNN_STATUS|CUBLAS_STATUS")  # fmt: skip
_WANTED: Final = re.compile(
    r"tried to allocate ([\d.]+) ?(bytes|[KMGTP]i?B)|unable to allocate ([\d.]+) ([KMGTPE]?i?B)",
    re.IGNORECASE,
)
_FREE: Final = re.compile(r"of which ([\d.]+ [KMGT]i?B) is free")
_HALF: Final = ("float16", "bfloat16")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device or the host had no memory left."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and _NO_MEMORY.search(str(error)) is not None)
    )


def memory_wanted(error: BaseException) -> str:
    """Return what an error says of the memory that there was not, such as "2 GiB more needed"."""
    text = str(error)
    found = _WANTED.search(text)
    if found is None:
        return "it did not say how much it needed"
    number, unit = found[1] or found[3], found[2] or found[4]
    size = f"{float(number) / 1e9:.3g} GB" if unit == "bytes" else f"{number} {unit}"
    free = _FREE.search(text)
    return f"it needed {size} more{f', and {free[1]} was free' if free else ''}"


def memory_failure(model: MaskedLM, error: Exception, advice: str, on: str = "") -> ModelError:
    """Return what to tell of a model that had no memory, on what and what to do about it."""
    where = f" on {on}" if on else ""
    return ModelError(f"{model.name} ran out of memory{where} ({memory_wanted(error)}): {advice}")


def is_device_error(error: BaseException) -> bool:
    """Whether a device failed, rather than what was asked of it."""
    return type(error).__name__ == "AcceleratorError" or (
        isinstance(error, RuntimeError)
        and not isinstance(error, ModelError)
        and _DEVICE.search(str(error)) is not None
    )


def device_failure(model: MaskedLM, error: BaseException) -> ModelError:
    """Return what to tell of a device that failed under a model."""
    said = (str(error) or type(error).__name__).strip().splitlines()[0]
    return ModelError(
        f"the device of {model.name} ({model.identity.device}) failed: {said}. What was computed "
        "is kept, and the notebook can be used. Resume the scan; if that fails in the same way, "
        "the device is lost to this session: save results that are in memory alone, restart the "
        "kernel, and call scan_pairs with the same store"
    )


def check_finite(
    model: MaskedLM,
    contexts: Sequence[Context],
    values: NDArray[np.floating[Any]],
    precision: str | None = None,
) -> None:
    """Raise `ModelError`, saying where and what to do, if some values are not numbers.

    Parameters
    ----------
    model : MaskedLM
    contexts : sequence of Context
    values : ndarray, shape (n, k, 20)
        What the model gave for the n contexts.
    precision : str, optional
        In which it was computed; the model's default otherwise.
    """
    if np.isfinite(values).all():
        return
    bad = ~np.isfinite(values).reshape(len(contexts), -1).all(axis=1)
    masked = contexts[int(bad.argmax())].masked
    where = f"position{'s' * (len(masked) > 1)} {', '.join(map(str, masked))} masked"
    raise ModelError(
        f"{model.name} ({arithmetic_of(model, precision)}) returned NaN or infinite values with "
        f"{f'{where} (0-based)' if masked else 'nothing masked'}: "
        f"{advice_on_nan(model, precision)}"
    )


def arithmetic_of(model: MaskedLM, precision: str | None) -> str:
    """Return the type of a model's weights, with the precision where that is another."""
    precision = precision or default_precision(model)
    dtype = model.identity.dtype
    return dtype if precision == "reference" else f"{dtype}, precision {precision!r}"


def advice_on_nan(model: MaskedLM, precision: str | None) -> str:
    """Return what to do about values that are not numbers."""
    if model.identity.dtype in _HALF:
        return "the sequence overflows this type, load the model with dtype='float32'"
    if (precision or default_precision(model)) in ("final", "preview"):
        return "the sequence overflows this precision, use precision='reference'"
    return "its weights are damaged, fetch or train them again"
