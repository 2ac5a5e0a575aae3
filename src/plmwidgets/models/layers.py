"""Transformer layers of ESM-1b, ESM-1v, ESM-2 and ESM C as plain tensors, laid out for scans."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from plmwidgets.models.fusion import fused
from plmwidgets.models.sizes import sizes_on

SCORES_AT_ONCE: Final = 2**20
"""Attention scores held together where the attention is written out: they stay in the cache."""

SMALLEST_SUM: Final = 1e-20
LARGEST_SUM: Final = 1e30
"""Between these, a sum of unshifted exponentials has lost nothing that counts."""


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Types of numbers: of the operands of matrix products, and of all between them."""

    product: torch.dtype
    stream: torch.dtype


ARITHMETIC: Final = {
    "double": Arithmetic(torch.float64, torch.float64),
    "reference": Arithmetic(torch.float32, torch.float32),
    "final": Arithmetic(torch.float16, torch.float32),
    "preview": Arithmetic(torch.bfloat16, torch.bfloat16),
}
"""What each precision computes in. ``double`` is what the noise of the others is measured against.
"""


class Buffers:
    """Memory that is made once and used again.

    On a CPU, fresh memory costs more than the arithmetic in it: the system clears every page.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._kept: dict[tuple[str, torch.dtype], Tensor] = {}

    def take(self, name: str, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Return a tensor of any content; an earlier one of the same name is overwritten."""
        size = math.prod(shape)
        kept = self._kept.get((name, dtype))
        if kept is None or kept.numel() < size:
            kept = self._kept[name, dtype] = torch.empty(size, dtype=dtype, device=self._device)
        return kept[:size].view(*shape)


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer norm of the last axis."""

    weight: Tensor
    bias: Tensor | None
    epsilon: float

    def __call__(self, x: Tensor) -> Tensor:
        """Apply to rows x, (..., n), in the type of the weights."""
        x = x.to(self.weight.dtype)
        return functional.layer_norm(x, self.weight.shape, self.weight, self.bias, self.epsilon)

    def of_rows(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """Apply to rows x, (n, d), of any type, for a use in another type.

        What that type would round may be left for its user to round.
        """
        if kernels := fused(x):
            fast: Tensor = kernels.norm(x, self.weight, self.bias, self.epsilon, dtype)
            return fast
        return self(x)

    def after(self, linear: "Linear", stream: Tensor, x: Tensor) -> Tensor:
        """Add what a map makes of rows x to the stream, (n, d), and apply to the sum."""
        if kernels := fused(stream):
            fast: Tensor = kernels.add_norm(
                stream,
                linear(x),
                self.weight,
                self.bias,
                share=linear.share,
                epsilon=self.epsilon,
                dtype=linear.weight.dtype,
            )
            return fast
        linear.add_to(stream, x)
        return self(stream)

    def to(self, device: torch.device, dtype: torch.dtype) -> "Norm":
        """Return the same on a device, in another type."""
        return Norm(*_moved((self.weight, self.bias), device, dtype), self.epsilon)


@dataclass(frozen=True, slots=True)
class Linear:
    """An affine map of the last axis.

    Attributes
    ----------
    weight : Tensor, shape (outputs, inputs)
    bias : Tensor or None, shape (outputs,)
    share : float
        What `add_to` multiplies the result with.
    """

    weight: Tensor
    bias: Tensor | None
    share: float = 1.0

    def __call__(self, x: Tensor) -> Tensor:
        """Apply to rows x, (..., inputs)."""
        return functional.linear(x.to(self.weight.dtype), self.weight, self.bias)

    def into(self, out: Tensor, x: Tensor) -> Tensor:
        """Write the result for the rows x, (n, inputs), to out, (n, outputs)."""
        x = x.to(self.weight.dtype)
        if self.bias is None:
            return torch.mm(x, self.weight.t(), out=out)
        return torch.addmm(self.bias, x, self.weight.t(), out=out)

    def add_to(self, stream: Tensor, x: Tensor) -> None:
        """Add the share of the result for the rows x, (n, inputs), to stream, (n, outputs)."""
        if stream.dtype == self.weight.dtype:
            stream.addmm_(x, self.weight.t(), alpha=self.share)
            if self.bias is not None:
                stream.add_(self.bias, alpha=self.share)
        else:
            stream.add_(self(x), alpha=self.share)

    def rows(self, start: int, stop: int) -> "Linear":
        """Return the map to some of the outputs."""
        return Linear(self.weight[start:stop], None if self.bias is None else self.bias[start:stop])

    def to(self, device: torch.device, dtype: torch.dtype) -> "Linear":
        """Return the same on a device, in another type."""
        return Linear(*_moved((self.weight, self.bias), device, dtype), self.share)


@dataclass(frozen=True, slots=True)
class Repeats:
    """Rows of contexts, many of which are equal: each that is unlike the others counts once.

    Attributes
    ----------
    first : Tensor of int64, shape (rows,)
        Where each stands, in the flattened contexts.
    places : Tensor of int64, shape (n, T)
        Which of them stands at each place.
    """

    first: Tensor
    places: Tensor


@dataclass(frozen=True, slots=True)
class Layer:
    """One transformer block.

    Attributes
    ----------
    heads : int
        Number of attention heads, which share the width d.
    attention_norm, feed_forward_norm : Norm
        Before attention and before the feed-forward part.
    qkv : Linear
        To queries, keys and values, one after the other, (3d, d).
    query_norm, key_norm : Norm or None
        Of whole queries and keys, before the rotation (ESM C).
    out, up, down : Linear
        Back to the residual stream; into the hidden units and back.
    gated : bool
        Whether the hidden units are SwiGLU, gates first; else GELU.
    """

    heads: int
    attention_norm: Norm
    qkv: Linear
    query_norm: Norm | None
    key_norm: Norm | None
    out: Linear
    feed_forward_norm: Norm
    up: Linear
    down: Linear
    gated: bool

    @property
    def width(self) -> int:
        """The width d of the residual stream."""
        return self.out.weight.shape[0]

    def to(self, device: torch.device, arithmetic: Arithmetic) -> "Layer":
        """Return the layer on a device, in another arithmetic; nothing is copied needlessly."""
        product, stream = arithmetic.product, arithmetic.stream
        return Layer(
            self.heads,
            self.attention_norm.to(device, stream),
            self.qkv.to(device, product),
            None if self.query_norm is None else self.query_norm.to(device, stream),
            None if self.key_norm is None else self.key_norm.to(device, stream),
            self.out.to(device, product),
            self.feed_forward_norm.to(device, stream),
            self.up.to(device, product),
            self.down.to(device, product),
            self.gated,
        )

    def project(
        self,
        x: Tensor,
        rotation: "Rotation | None",
        buffers: Buffers,
        part: str = "qkv",
        *,
        apart: bool = False,
        repeats: Repeats | None = None,
    ) -> tuple[Tensor, ...]:
        """Return queries, keys and values of rows of the stream, rotated to their positions.

        Parameters
        ----------
        x : Tensor, shape (..., d)
        rotation : Rotation or None
            Angles that broadcast against x.
        part : {"qkv", "q", "kv"}
            What is wanted.
        apart : bool
            Lay each head out by itself, as batched products want it, and put a one behind each
            value, so that weights need not add up to one: their sum comes with the values' mean.
        repeats : Repeats, optional
            Which rows of x are equal, positions included: each is then computed once.

        Returns
        -------
        tuple of Tensor, each (heads, ..., d / heads), values perhaps one wider
            Views of buffers, in the type of the products.
        """
        d, head_width = self.width, self.width // self.heads
        first, last = {"qkv": (0, 3), "q": (0, 1), "kv": (1, 3)}[part]
        linear = self.qkv if part == "qkv" else self.qkv.rows(first * d, last * d)
        dtype = linear.weight.dtype
        if repeats is not None:
            if rotation is not None:
                rotation = rotation[repeats.first % x.shape[-2]]
            x = x.flatten(0, -2)[repeats.first]
        normed = self.attention_norm.of_rows(x.flatten(0, -2), dtype)
        projected = buffers.take(part, (len(normed), (last - first) * d), dtype)
        linear.into(projected, normed)
        projected = projected.view(*x.shape[:-1], last - first, self.heads, head_width)
        results = []
        for name, rows in zip(part, projected.unbind(-3), strict=True):
            norm = {"q": self.query_norm, "k": self.key_norm, "v": None}[name]
            result = rows
            if norm is not None:
                result = norm.of_rows(rows.view(-1, d), norm.weight.dtype).view(rows.shape)
            if name != "v" and rotation is not None:
                result = rotation(result, f"{part} {name}", dtype, buffers)
            result = result.to(dtype)
            if repeats is not None:
                shape = (*repeats.places.shape, self.heads, head_width)
                placed = buffers.take(f"{part} {name} placed", shape, dtype)
                torch.index_select(
                    result.flatten(-2), 0, repeats.places.flatten(), out=placed.view(-1, d)
                )
                result = placed
            result = result.movedim(-2, 0)
            if apart:
                shape = (*result.shape[:-1], head_width + (name == "v"))
                target = buffers.take(f"{part} {name} apart", shape, dtype)
                target[..., :head_width].copy_(result)
                target[..., head_width:] = 1
                result = target
            results.append(result)
        return tuple(results)

    def mix(self, x: Tensor, mixed: Tensor, buffers: Buffers) -> None:
        """Advance rows of the stream by what attention mixed for them, and the feed-forward part.

        Parameters
        ----------
        x : Tensor, shape (n, d), contiguous
            Changed in place.
        mixed : Tensor, shape (n, d)
            Values averaged by the attention, heads side by side.
        """
        hidden = self.up.weight.shape[0]
        size = sizes_on(x.device).rows
        for start in range(0, len(x), size):
            rows = x[start : start + size]
            normed = self.feed_forward_norm.after(self.out, rows, mixed[start : start + size])
            units = buffers.take("units", (len(rows), hidden), self.up.weight.dtype)
            self.up.into(units, normed)
            self.down.add_to(rows, self._activate(units))

    def _activate(self, units: Tensor) -> Tensor:
        if not self.gated:
            activated: Tensor = torch.ops.aten.gelu.out(units, out=units)
            return activated
        gates, values = units.chunk(2, dim=-1)
        return functional.silu(gates).mul_(values)


class Rotation:
    """Rotary positions (Su et al. 2021): turns each half-pair of a head by its position's angle.

    Parameters
    ----------
    angles : Tensor, shape (..., d_head / 2)
        In radians.
    heads : int
    dtype : torch.dtype
        Type to compute in.
    """

    def __init__(self, angles: Tensor, heads: int, dtype: torch.dtype) -> None:
        cos, sin = angles.cos(), angles.sin()
        # Whole rows at once, (..., d): short strides are what is slow.
        self.cos = cos.repeat(*(1,) * (cos.ndim - 1), 2 * heads).to(dtype)
        self.sin = torch.cat([-sin, sin], -1).repeat(*(1,) * (sin.ndim - 1), heads).to(dtype)

    def __getitem__(self, index: Any) -> "Rotation":
        chosen = object.__new__(Rotation)
        chosen.cos, chosen.sin = self.cos[index], self.sin[index]
        return chosen

    def __call__(self, x: Tensor, name: str, dtype: torch.dtype, buffers: Buffers) -> Tensor:
        """Return x, (..., heads, d_head), turned: in its own memory, or in a buffer of a name."""
        if kernels := fused(x):
            fast: Tensor = kernels.rotate(x, self.cos, self.sin, dtype)
            return fast
        out = buffers.take(name, x.shape, dtype)
        half = x.shape[-1] // 2
        swapped = buffers.take("swapped", x.shape, self.cos.dtype)
        swapped[..., :half].copy_(x[..., half:])
        swapped[..., half:].copy_(x[..., :half])
        turned = out
        if out.dtype != self.cos.dtype:
            turned = buffers.take("turned", x.shape, self.cos.dtype)
        torch.mul(x.flatten(-2), self.cos, out=turned.flatten(-2))
        turned.flatten(-2).addcmul_(swapped.flatten(-2), self.sin)
        return out if turned is out else out.copy_(turned)


def attend(q: Tensor, k: Tensor, v: Tensor, buffers: Buffers) -> Tensor:
    """Softmax attention of each context by itself.

    Parameters
    ----------
    q : Tensor, shape (heads, n, r, d_head)
    k, v : Tensor, shape (heads, n, T, d_head)
        If a one stands behind each value, (heads, n, T, d_head + 1), all are laid out apart.

    Returns
    -------
    Tensor, shape (n * r, d)
        Values averaged for each query, heads side by side.
    """
    heads, n, r, width = q.shape
    shape = (n, r, heads, width)
    if v.shape[-1] > width:
        mixed = buffers.take("mixed", shape, q.dtype)
        if _attend_written_out(q, k, v, mixed, buffers):
            return mixed.view(n * r, heads * width)
    q, k, v = (part.transpose(0, 1) for part in (q, k, v[..., :width]))
    mixed = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2)
    if not mixed.is_contiguous():  # on a GPU it mostly lies as it is wanted already
        mixed = buffers.take("mixed", shape, q.dtype).copy_(mixed)
    return mixed.view(n * r, heads * width)


def _attend_written_out(q: Tensor, k: Tensor, v: Tensor, mixed: Tensor, buffers: Buffers) -> bool:
    """Attention as two products with exponentials between them.

    The exponentials are not shifted by the largest score, and so may leave the range of numbers:
    returns whether they stayed inside.
    """
    heads, n, r, width = q.shape
    tokens = k.shape[2]
    scaled = torch.mul(q, width**-0.5, out=buffers.take("scaled", q.shape, q.dtype)).flatten(0, 1)
    k, v = k.flatten(0, 1), v.flatten(0, 1)
    sums = buffers.take("sums", (heads * n, r, width + 1), q.dtype)
    at_once = max(1, SCORES_AT_ONCE // (r * tokens))
    for start in range(0, heads * n, at_once):
        some = slice(start, min(start + at_once, heads * n))
        scores = buffers.take("scores", (some.stop - start, r, tokens), q.dtype)
        torch.bmm(scaled[some], k[some].transpose(1, 2), out=scores)
        torch.bmm(scores.exp_(), v[some], out=sums[some])
    sums = sums.view(heads, n, r, width + 1).permute(1, 2, 0, 3)
    weights = sums[..., width:]
    torch.div(sums[..., :width], weights, out=mixed)
    return bool(weights.min() > SMALLEST_SUM) and bool(weights.max() < LARGEST_SUM)


def _moved(
    tensors: tuple[Tensor, Tensor | None], device: torch.device, dtype: torch.dtype
) -> tuple[Tensor, Tensor | None]:
    weight, bias = tensors
    return weight.to(device, dtype), None if bias is None else bias.to(device, dtype)
