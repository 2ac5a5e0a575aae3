"""The encoder of ESM-1b, ESM-1v, ESM-2 and ESM C: tokens in, log-probabilities out.

The exact forward and the superposed pass are both written in terms of `Encoder` and `Layer`, which
hide what these families differ in: learned or rotary positions, token dropout, norms of queries and
keys, GELU or SwiGLU, scaled residual branches.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from plmwidgets.models.devices import set_switches
from plmwidgets.models.graphs import Compute, Recordings
from plmwidgets.models.layers import (
    Arithmetic,
    Buffers,
    Layer,
    Linear,
    Norm,
    Repeats,
    Rotation,
    attend,
)
from plmwidgets.models.masked_lm import run_to_end
from plmwidgets.models.streaming import LayerStream

TRAINING_MASK_RATIO: Final = 0.15 * 0.8
"""Share of hidden tokens in ESM's training, to which token dropout scales (Rives et al. 2021)."""
STREAM_AT_ONCE: Final = 2**24
"""Numbers of the residual stream that go through a layer together: this bounds what is held
between its parts, to about ten times as much."""
LAUNCH_BOUND: Final = 3e10
"""Floating-point operations in the products of a layer up to which a GPU takes less time for it
than Python takes to ask for it, about 0.1 ms."""
SHORT: Final = 128
"""Tokens up to which a CPU computes attention faster written out than in the fused kernel."""


@dataclass(frozen=True, slots=True)
class Ends:
    """What lies before the first and after the last layer.

    Attributes
    ----------
    heads : int
        Number of attention heads in each layer.
    embedding : Tensor, shape (tokens, d)
    mask_id : int
        The token that hides a residue.
    token_dropout : bool
        Whether hidden tokens are zero and the rest is scaled by how many are hidden.
    positions : Tensor or None, shape (longest, d)
        Learned positions, the first token's first.
    input_norm : Norm or None
        Of the embeddings.
    inverse_frequencies : Tensor or None, shape (d_head / 2,)
        Of rotary positions.
    output_norm : Norm
        After the last layer.
    dense, head_norm, decoder : Linear, Norm, Linear
        The masked-LM head, to the twenty amino acids alone.
    """

    heads: int
    embedding: Tensor
    mask_id: int
    token_dropout: bool
    positions: Tensor | None
    input_norm: Norm | None
    inverse_frequencies: Tensor | None
    output_norm: Norm
    dense: Linear
    head_norm: Norm
    decoder: Linear

    def to(self, device: torch.device, arithmetic: Arithmetic) -> "Ends":
        """Return the same on a device, in another arithmetic."""
        stream = arithmetic.stream
        # Scores are large and their differences small: rounded to 16 bits, they would be most of
        # the noise of a pass. A head is little work.
        full = torch.promote_types(stream, torch.float32)
        positions, frequencies = self.positions, self.inverse_frequencies
        return Ends(
            self.heads,
            self.embedding.to(device, stream),
            self.mask_id,
            self.token_dropout,
            None if positions is None else positions.to(device, stream),
            None if self.input_norm is None else self.input_norm.to(device, stream),
            None if frequencies is None else frequencies.to(device),
            self.output_norm.to(device, full),
            self.dense.to(device, full),
            self.head_norm.to(device, full),
            self.decoder.to(device, full),
        )


class Encoder:
    """A masked language model from token ids to log-probabilities of the amino acids.

    One thread at a time: the buffers are shared between calls.

    Parameters
    ----------
    ends : Ends
    layers : sequence of Layer
        A pass asks for each once, in order: those of a `LayerStream` come from their files.
    device : torch.device
    arithmetic : Arithmetic
        That of the ends and layers.
    """

    def __init__(
        self, ends: Ends, layers: Sequence[Layer], device: torch.device, arithmetic: Arithmetic
    ) -> None:
        self.ends = ends
        self.layers = layers
        self.device = device
        self.arithmetic = arithmetic
        self.buffers = Buffers(device)
        self._rotation: tuple[int, Rotation | None] = (0, None)
        if device.type == "cuda":
            set_switches(arithmetic.product)
        # Layers from files lie elsewhere each time.
        recordable = device.type == "cuda" and not isinstance(layers, LayerStream)
        self._recordings = Recordings() if recordable else None

    def to(self, arithmetic: Arithmetic) -> "Encoder":
        """Return the encoder in another arithmetic; what has the right type is shared."""
        layers: Sequence[Layer]
        if isinstance(self.layers, LayerStream):
            layers = self.layers.in_arithmetic(arithmetic)
        else:
            layers = [layer.to(self.device, arithmetic) for layer in self.layers]
        return Encoder(self.ends.to(self.device, arithmetic), layers, self.device, arithmetic)

    def embed(self, ids: Tensor, hidden: int | None = None) -> Tensor:
        """Return the stream before the first layer.

        Parameters
        ----------
        ids : Tensor of int64, shape (n, T)
        hidden : int, optional
            Number of hidden tokens that token dropout assumes; counted by default.

        Returns
        -------
        Tensor, shape (n, T, d)
        """
        ends, tokens = self.ends, ids.shape[1]
        x = functional.embedding(ids, ends.embedding)
        if ends.token_dropout:
            masked = ids == ends.mask_id
            real = torch.promote_types(x.dtype, torch.float32)
            if hidden is None:
                count = masked.sum(dim=1).to(real)
            else:
                count = torch.full((1,), hidden, dtype=real, device=ids.device)
            scale = (1 - TRAINING_MASK_RATIO) / (1 - count / tokens)
            x = (x.masked_fill_(masked[..., None], 0) * scale[:, None, None]).to(x.dtype)
        if ends.positions is not None:
            x += ends.positions[:tokens]
        return x if ends.input_norm is None else ends.input_norm(x)

    def rotation(self, tokens: int) -> Rotation | None:
        """Return the angles of that many tokens; None where positions are learned."""
        kept = self._rotation  # once: a superposed pass and others may ask at the same time
        if kept[0] != tokens:
            kept = self._rotation = (tokens, self._make_rotation(tokens))
        return kept[1]

    def _make_rotation(self, tokens: int) -> Rotation | None:
        if self.ends.inverse_frequencies is None:
            return None
        place = torch.arange(tokens, dtype=torch.float32, device=self.device)
        # As the networks do: angles in float32, whatever comes after.
        angles = torch.outer(place, self.ends.inverse_frequencies.float())
        return Rotation(angles, self.ends.heads, self.arithmetic.stream)

    def head(self, x: Tensor) -> Tensor:
        """Log-probabilities of the twenty amino acids, (..., 20), from the stream.

        They are in float32, or in float64 where the stream is.
        """
        ends = self.ends
        units = functional.gelu(ends.dense(ends.output_norm(x)))
        return ends.decoder(ends.head_norm(units)).log_softmax(dim=-1)

    @torch.inference_mode()
    def steps(self, ids: Tensor, tokens: Tensor | None = None) -> Generator[float, None, Tensor]:
        """Compute log-probabilities of the twenty amino acids, stopping after each layer.

        Yields the share of the layers that is done; other work of the encoder may be done in
        between. All contexts go through a layer before
        the next is asked for, some of them at a time. The last layer is computed for the wanted
        tokens only.

        Parameters
        ----------
        ids : Tensor of int64, shape (n, T)
        tokens : Tensor of int64, shape (n, k), optional
            Which tokens of each context are wanted; all by default.

        Returns
        -------
        Tensor, shape (n, k, 20) or (n, T, 20)
            As `head`.
        """
        short = 24 * ids.numel() * self.ends.embedding.shape[1] ** 2 <= LAUNCH_BOUND
        if short and self._recordings is not None:
            found = self._recordings.run(ids, tokens, self._fixed_pass)
            if found is not None:
                yield 1.0
                return found
        rotation = self.rotation(ids.shape[1])
        return (yield from self._steps(ids, tokens, rotation, self.buffers))

    def _fixed_pass(self, tokens: int) -> tuple[Compute, Any]:
        """Return a pass over so many tokens, and the memory that it alone uses."""
        rotation, buffers = self._make_rotation(tokens), Buffers(self.device)

        def compute(ids: Tensor, wanted: Tensor | None) -> Tensor:
            return run_to_end(self._steps(ids, wanted, rotation, buffers))

        return compute, (rotation, buffers)

    def _steps(
        self, ids: Tensor, tokens: Tensor | None, rotation: Rotation | None, buffers: Buffers
    ) -> Generator[float, None, Tensor]:
        x = self.embed(ids)
        size = max(1, STREAM_AT_ONCE // x[0].numel())
        parts = [slice(start, start + size) for start in range(0, len(x), size)]
        steps = len(self.layers) * len(parts)
        for index, layer in enumerate(self.layers):
            done = index * len(parts)
            if index < len(self.layers) - 1 or tokens is None:
                for number, part in enumerate(parts, start=1):
                    repeats = self._repeats(ids[part]) if index == 0 else None
                    self.advance(layer, x[part], rotation, buffers, repeats)
                    yield (done + number) / steps
            else:
                rows = []
                for number, part in enumerate(parts, start=1):
                    rows.append(self._advance_rows(layer, x[part], rotation, tokens[part], buffers))
                    yield (done + number) / steps
                x = torch.cat(rows)
        return self.head(x)

    def _repeats(self, ids: Tensor) -> Repeats | None:
        """Return which rows the first layer meets more than once, if that is worth knowing.

        Contexts of a scan differ in a few tokens only, and what a token is turned into depends on
        its position and, with token dropout, on how many are hidden beside it.
        """
        if self.device.type != "cpu":  # elsewhere, counting the rows would wait for the device
            return None
        count, tokens = ids.shape
        kinds = ids * tokens + torch.arange(tokens)
        if self.ends.token_dropout:
            hidden = (ids == self.ends.mask_id).sum(dim=1, keepdim=True)
            kinds += hidden * (len(self.ends.embedding) * tokens)
        found, places = torch.unique(kinds, return_inverse=True)
        if 2 * len(found) > kinds.numel():
            return None
        first = torch.empty_like(found)
        first[places.flatten()] = torch.arange(count * tokens)
        return Repeats(first, places)

    def advance(
        self,
        layer: Layer,
        x: Tensor,
        rotation: Rotation | None,
        buffers: Buffers,
        repeats: Repeats | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Take whole contexts x, (n, T, d), contiguous, through a layer, in place.

        Which of their rows are equal may be told.

        Returns
        -------
        keys, values : Tensor, each (heads, n, T, d / heads)
            Those of the layer: views of buffers.
        """
        apart = self._apart(x)
        q, k, v = layer.project(x, rotation, buffers, apart=apart, repeats=repeats)
        layer.mix(x.flatten(0, 1), attend(q, k, v, buffers), buffers)
        return k, v[..., : k.shape[-1]]

    def _apart(self, x: Tensor) -> bool:
        """Whether to write the attention out: on a CPU, that is faster for short contexts."""
        # In half precision the exponentials would leave the range.
        wide = self.arithmetic.product != torch.float16
        return self.device.type == "cpu" and wide and x.shape[1] <= SHORT

    def _advance_rows(
        self,
        layer: Layer,
        x: Tensor,
        rotation: Rotation | None,
        tokens: Tensor,
        buffers: Buffers,
    ) -> Tensor:
        n, k = tokens.shape
        chosen = x[torch.arange(n, device=x.device)[:, None], tokens]
        turn = None if rotation is None else rotation[tokens]
        apart = self._apart(x)
        (queries,) = layer.project(chosen, turn, buffers, "q", apart=apart)
        keys, values = layer.project(x, rotation, buffers, "kv", apart=apart)
        mixed = attend(queries, keys, values, buffers)
        layer.mix(chosen.view(n * k, -1), mixed, buffers)
        return chosen
