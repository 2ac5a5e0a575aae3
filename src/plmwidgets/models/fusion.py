"""Whether fused kernels can be used where a tensor lies."""

import functools
import warnings
from types import ModuleType

import torch
from torch import Tensor
from torch.nn import functional

_TOLERANCE = 1e-4


def fused(x: Tensor) -> ModuleType | None:
    """Return `plmwidgets.models.kernels` if it works on rows like these; else None.

    It does on CUDA devices where Triton is installed and finds a C compiler, in all types but
    float64.
    """
    if x.device.type != "cuda" or x.dtype == torch.float64:
        return None
    return _kernels_on(x.device)


@functools.cache
def _kernels_on(device: torch.device) -> ModuleType | None:
    """Try the kernels on a device: what cannot work there is not used, and never gives numbers."""
    try:
        from plmwidgets.models import kernels

        error = largest_error(kernels, device)
        if error < _TOLERANCE:
            return kernels
        reason = f"they are wrong there by {error:.2g}"
    except Exception as failure:  # Triton has many ways to fail: no compiler, an old driver, ...
        reason = str(failure) or type(failure).__name__
    warnings.warn(
        f"passes on {device} will be slower than they could be, as the fused kernels cannot be "
        f"used ({reason.splitlines()[0]}): they need Triton, which comes with PyTorch for CUDA on "
        "Linux, and a C compiler.",
        stacklevel=2,
    )
    return None


def largest_error(kernels: ModuleType, device: torch.device) -> float:
    """Return the largest absolute error of the kernels on small rows, in float32."""
    rows, heads, half = 3, 5, 4
    width = 2 * heads * half
    # Numbers of order one that need no generator: the session's own stays as it is.
    counted = torch.arange(rows * width, dtype=torch.float32, device=device)
    x, update = (counted * 0.7).sin().view(rows, width), (counted * 1.3).cos().view(rows, width)
    weight, bias = x[0] + 2, x[1] + 1
    stream = x.clone()
    normed = kernels.add_norm(
        stream, update, weight, bias, share=0.5, epsilon=1e-5, dtype=torch.float32
    )
    true_stream = x + 0.5 * update
    true_norm = functional.layer_norm(true_stream, (width,), weight, bias, 1e-5)
    angles = counted[: rows * half].view(rows, half)
    cos = angles.cos().repeat(1, 2 * heads)
    sin = torch.cat([-angles.sin(), angles.sin()], -1).repeat(1, heads)
    by_head = x.view(rows, heads, 2 * half)
    true_turn = by_head * cos.view_as(by_head) + by_head.roll(half, -1) * sin.view_as(by_head)
    turned = kernels.rotate(by_head.clone(), cos, sin, torch.float32)
    pairs = ((stream, true_stream), (normed, true_norm), (turned, true_turn))
    return max(float((found - true).abs().max()) for found, true in pairs)
