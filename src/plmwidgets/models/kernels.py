"""Steps of a layer that a GPU does in one sweep over memory instead of several, written in Triton.

Between its matrix products a layer reads and writes its rows again and again: that, not arithmetic,
is what these steps cost. Each kernel reads a row once, computes in float32, and rounds at the end.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

_NUMBERS_A_WARP = 256
_MOST_WARPS = 16


def norm(
    x: Tensor, weight: Tensor, bias: Tensor | None, epsilon: float, dtype: torch.dtype
) -> Tensor:
    """Return the layer norms of rows x, (n, d), in a type."""
    return add_norm(x, None, weight, bias, share=1.0, epsilon=epsilon, dtype=dtype)


def add_norm(
    stream: Tensor,
    update: Tensor | None,
    weight: Tensor,
    bias: Tensor | None,
    *,
    share: float,
    epsilon: float,
    dtype: torch.dtype,
) -> Tensor:
    """Add the share of an update, if any, to rows of the stream, (n, d), and return their norms."""
    rows, width = stream.shape
    out = torch.empty(rows, width, dtype=dtype, device=stream.device)
    block = triton.next_power_of_2(width)
    with torch.cuda.device_of(stream):  # type: ignore[no-untyped-call]
        _norm_rows[(rows,)](
            stream,
            stream if update is None else update,
            weight,
            weight if bias is None else bias,
            out,
            stream.stride(0),
            0 if update is None else update.stride(0),
            width,
            share,
            epsilon,
            adds=update is not None,
            biased=bias is not None,
            block=block,
            num_warps=_warps(block),
        )
    return out


def rotate(x: Tensor, cos: Tensor, sin: Tensor, dtype: torch.dtype) -> Tensor:
    """Turn each half-pair of a head by its position's angle: in place where the type allows.

    Parameters
    ----------
    x : Tensor, shape (a, b, heads, d_head) or (b, heads, d_head)
        Rows (heads, d_head) in one piece, at even distances.
    cos, sin : Tensor, shape (..., heads * d_head)
        As a `plmwidgets.models.layers.Rotation` keeps them; they broadcast against x.
    dtype : torch.dtype
        Of the result.

    Returns
    -------
    Tensor, of the shape of x
    """
    *lead, heads, width = x.shape
    cos, sin = (table.expand(*lead, heads * width) for table in (cos, sin))
    rows = x.view(-1, heads, width)
    out = rows
    if dtype != x.dtype:
        out = torch.empty(rows.shape, dtype=dtype, device=x.device)
    pairs = heads * width // 2
    block = triton.next_power_of_2(pairs)
    with torch.cuda.device_of(x):  # type: ignore[no-untyped-call]
        _rotate_rows[(len(rows),)](
            rows,
            cos,
            sin,
            out,
            rows.stride(0),
            out.stride(0),
            lead[-1],
            cos.stride(0) if len(lead) > 1 else 0,
            cos.stride(-2),
            pairs,
            half=width // 2,
            block=block,
            num_warps=_warps(block),
        )
    return x if out is rows else out.view(x.shape)


def _warps(block: int) -> int:
    return max(1, min(_MOST_WARPS, block // _NUMBERS_A_WARP))


@triton.jit  # type: ignore[untyped-decorator]
def _norm_rows(  # noqa: PLR0917
    x: tl.tensor,
    update: tl.tensor,
    weight: tl.tensor,
    bias: tl.tensor,
    out: tl.tensor,
    x_stride: tl.tensor,
    update_stride: tl.tensor,
    width: tl.tensor,
    share: tl.tensor,
    epsilon: tl.tensor,
    adds: tl.constexpr,
    biased: tl.constexpr,
    block: tl.constexpr,
) -> None:
    row = tl.program_id(0).to(tl.int64)  # numbers may be more than 2^31
    at = tl.arange(0, block)
    there = at < width
    value = tl.load(x + row * x_stride + at, there, 0.0).to(tl.float32)
    if adds:
        value += share * tl.load(update + row * update_stride + at, there, 0.0).to(tl.float32)
        tl.store(x + row * x_stride + at, value, there)
    centred = tl.where(there, value - tl.sum(value, 0) / width, 0.0)
    normed = centred * tl.rsqrt(tl.sum(centred * centred, 0) / width + epsilon)
    normed *= tl.load(weight + at, there, 0.0).to(tl.float32)
    if biased:
        normed += tl.load(bias + at, there, 0.0).to(tl.float32)
    tl.store(out + row * width + at, normed, there)


# Lengths differ from protein to protein: none is worth compiling for.
@triton.jit(do_not_specialize=["inner"])  # type: ignore[untyped-decorator]
def _rotate_rows(  # noqa: PLR0917
    x: tl.tensor,
    cos: tl.tensor,
    sin: tl.tensor,
    out: tl.tensor,
    x_stride: tl.tensor,
    out_stride: tl.tensor,
    inner: tl.tensor,
    outer_angles: tl.tensor,
    inner_angles: tl.tensor,
    pairs: tl.tensor,
    half: tl.constexpr,
    block: tl.constexpr,
) -> None:
    row = tl.program_id(0).to(tl.int64)
    pair = tl.arange(0, block)
    there = pair < pairs
    of_head = pair % half
    first = pair // half * (2 * half) + of_head
    # A table repeats the angles for each head: those of the first are enough.
    angle = row // inner * outer_angles + row % inner * inner_angles + of_head
    turned_cos = tl.load(cos + angle, there, 0.0).to(tl.float32)
    turned_sin = tl.load(sin + angle + half, there, 0.0).to(tl.float32)
    a = tl.load(x + row * x_stride + first, there, 0.0).to(tl.float32)
    b = tl.load(x + row * x_stride + first + half, there, 0.0).to(tl.float32)
    tl.store(out + row * out_stride + first, a * turned_cos - b * turned_sin, there)
    tl.store(out + row * out_stride + first + half, b * turned_cos + a * turned_sin, there)
