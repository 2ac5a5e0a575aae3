"""Whether fused kernels can be used where a tensor lies."""

import threading
import warnings
from types import ModuleType
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from plmwidgets.faults import is_out_of_memory

_TOLERANCES: Final = {torch.float32: 1e-4, torch.float16: 2e-2, torch.bfloat16: 2e-1}
"""Of numbers up to about 6, by the type of a stream or a product."""

_TYPES: Final = (
    (torch.float32, torch.float32),
    (torch.float32, torch.float16),
    (torch.bfloat16, torch.bfloat16),
)
"""Types of the stream and of products, in the precisions that use the kernels."""

_lock = threading.Lock()
_tried: dict[torch.device, ModuleType | None] = {}


def fused(x: Tensor) -> ModuleType | None:
    """Return `plmwidgets.models.kernels` if it works on rows like these; else None.

    It does on CUDA devices where Triton is installed and finds a C compiler, in all types but
    float64.
    """
    if x.device.type != "cuda" or x.dtype == torch.float64:
        return None
    if x.device not in _tried:
        with _lock:
            if x.device not in _tried:
                _tried[x.device] = _kernels_on(x.device)
    return _tried[x.device]


def _kernels_on(device: torch.device) -> ModuleType | None:
    """Try the kernels on a device: what cannot work there is not used, and never gives numbers."""
    try:
        from plmwidgets.models import kernels

        wrong = [
            f"they are wrong there by {error:.2g} in {product}"
            for stream, product in _TYPES
            if not (error := largest_error(kernels, device, stream, product)) < _TOLERANCES[product]
        ]
        if not wrong:
            return kernels
        reason = wrong[0]
    except Exception as failure:  # Triton has many ways to fail: no compiler, an old driver, ...
        if is_out_of_memory(failure):
            raise  # it says nothing of the kernels: they are tried again
        reason = str(failure) or type(failure).__name__
    warnings.warn(
        f"passes on {device} will be slower than they could be, as the fused kernels cannot be "
        f"used ({reason.splitlines()[0]}): they need Triton, which comes with PyTorch for CUDA on "
        "Linux, and a C compiler.",
        stacklevel=3,
    )
    return None


def largest_error(
    kernels: ModuleType, device: torch.device, stream: torch.dtype, product: torch.dtype
) -> float:
    """Return the largest absolute error of the kernels on small rows of two types."""
    rows, heads, half = 3, 5, 4
    width = 2 * heads * half
    # Numbers of order one that need no generator: the session's own stays as it is.
    counted = torch.arange(rows * width, dtype=torch.float32, device=device)
    x = (counted * 0.7).sin().view(rows, width).to(stream)
    update = (counted * 1.3).cos().view(rows, width).to(product)
    weight, bias = x[0] + 2, x[1] + 1
    added = x.clone()
    normed = kernels.add_norm(added, update, weight, bias, share=0.5, epsilon=1e-5, dtype=product)
    true_sum = x.float() + 0.5 * update.float()
    true_norm = functional.layer_norm(true_sum, (width,), weight.float(), bias.float(), 1e-5)
    angles = counted[: rows * half].view(rows, half)
    cos = angles.cos().repeat(1, 2 * heads).to(stream)
    sin = torch.cat([-angles.sin(), angles.sin()], -1).repeat(1, heads).to(stream)
    by_head = update.view(rows, heads, 2 * half)
    swapped = by_head.roll(half, -1).float()
    true_turn = by_head.float() * cos.view_as(by_head) + swapped * sin.view_as(by_head)
    turned = kernels.rotate(by_head.clone(), cos, sin, product)
    pairs = ((added, true_sum), (normed, true_norm), (turned, true_turn))
    return max(float((found.float() - true).abs().max()) for found, true in pairs)
