"""Arrays as text in a page: compressed, in 16 bits where the error of that is small and known."""

import base64
import zlib
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

PROBABILITY_ERROR: Final = 1.6e-5
"""No probability in a page is further off than this; near 0 the error goes to 0 as well."""

_MISSING: Final = 65535
_TOP: Final = 65534


def pack_probabilities(values: NDArray[np.floating[Any]]) -> dict[str, Any]:
    """Pack probabilities as their square roots, in steps of 1/65534: NaN where unknown.

    The error of p is at most sqrt(p) / 65534, so that the digits shown of a small one hold.
    """
    steps = np.rint(np.sqrt(values.astype(np.float64)) * _TOP)
    return _packed("sqrt16", _codes(steps))


def pack_map(values: NDArray[np.floating[Any]]) -> dict[str, Any]:
    """Pack any numbers in 65535 steps from the smallest to the largest: NaN where unknown.

    The error is at most half a step, (largest - smallest) / 131068.
    """
    known = values[np.isfinite(values)].astype(np.float64)
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    step = (high - low) / _TOP or 1.0
    steps = np.rint((values.astype(np.float64) - low) / step)
    return {**_packed("linear16", _codes(steps)), "low": low, "step": step}


def pack_envelope(envelope: dict[str, Any]) -> dict[str, Any]:
    """Pack what `plmwidgets.widgets.view.envelope` made, exactly."""
    values = np.frombuffer(envelope["data"], envelope["dtype"]).reshape(envelope["shape"])
    return _packed(envelope["dtype"], values)


def pack_text(text: str) -> str:
    """Pack text, such as code."""
    return _compressed(text.encode())


def _codes(steps: NDArray[np.float64]) -> NDArray[np.uint16]:
    return np.where(np.isnan(steps), _MISSING, steps).astype("<u2")


def _packed(dtype: str, values: NDArray[Any]) -> dict[str, Any]:
    # First bytes, second bytes, ...: like lies beside like, which compresses better.
    little = values.astype(values.dtype.newbyteorder("<"))
    planes = little.reshape(-1, 1).view(np.uint8).T
    return {
        "dtype": dtype,
        "shape": list(values.shape),
        "data": _compressed(planes.tobytes()),
    }


def _compressed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 9)).decode()
