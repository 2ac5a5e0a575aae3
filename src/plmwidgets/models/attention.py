"""Attention weights of a model, and the contacts that ESM's contact head reads from them."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from plmwidgets.models.encoder import Encoder
from plmwidgets.models.layers import attend
from plmwidgets.models.masked_lm import Context, ModelError, run_to_end
from plmwidgets.models.tokens import ResidueTokenizer

WEIGHTS_AT_ONCE: Final = 2**24
"""Attention weights that are held together on the device, and computed in a step."""


@dataclass(frozen=True, slots=True)
class AttentionBlock:
    """The attention weights of one layer, for some contexts of a batch.

    Attributes
    ----------
    contexts : slice
    layer : int
    weights : Tensor of float32, shape (n, heads, T, T)
        Special tokens included; each row adds up to one.
    """

    contexts: slice
    layer: int
    weights: Tensor


@dataclass(frozen=True, slots=True)
class ContactHead:
    """ESM's contact head: a logistic regression on corrected attention maps (Rao et al. 2021).

    Attributes
    ----------
    weight : Tensor of float32, shape (layers, heads)
    bias : float
    """

    weight: Tensor
    bias: float

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor, layers: int) -> "ContactHead":
        """Take the parameters as they are stored: ``(1, layers * heads)`` and ``(1,)``.

        Raises
        ------
        ValueError
            If they are not of that shape.
        """
        if weight.ndim != 2 or len(weight) != 1 or weight.shape[1] % layers or bias.shape != (1,):
            raise ValueError(
                f"a contact head of {layers} layers has weights (1, {layers} x heads) and bias "
                f"(1,), not {tuple(weight.shape)} and {tuple(bias.shape)}"
            )
        return cls(weight.detach().float().view(layers, -1), float(bias.detach()))

    def evidence(self, layer: int, weights: Tensor) -> Tensor:
        """Return what the heads of a layer add to the log-odds, (n, L, L).

        Parameters
        ----------
        layer : int
        weights : Tensor, shape (n, heads, L, L)
            Residues alone.
        """
        channels = corrected(weights + weights.transpose(-1, -2))
        return torch.einsum("h,nhij->nij", self.weight[layer].to(weights.device), channels)


def corrected(maps: Tensor) -> Tensor:
    """Average product correction of each map, (..., L, L), its diagonal kept."""
    rows, columns = maps.sum(-1, keepdim=True), maps.sum(-2, keepdim=True)
    total = rows.sum(-2, keepdim=True)
    # A head may give residues nothing at all: there is nothing to correct then.
    return maps - torch.where(total > 0, rows * columns / total, 0.0)


class AttentionReader:
    """What a model with attention offers beside log-probabilities; a base of models.

    Attributes
    ----------
    attention_shape : tuple of (int, int)
        Number of layers, and of heads in each.
    contact_head : ContactHead or None
        If trained.
    """

    name: str
    tokens: ResidueTokenizer
    attention_shape: tuple[int, int]
    contact_head: ContactHead | None

    def attentions(
        self, contexts: Sequence[Context], layers: Sequence[int] | None = None
    ) -> NDArray[np.float32]:
        """Attention weights among residues; see `AttentiveMaskedLM.attentions`."""
        return run_to_end(self.attention_steps(contexts, layers))

    def attention_steps(
        self, contexts: Sequence[Context], layers: Sequence[int] | None = None
    ) -> Generator[float, None, NDArray[np.float32]]:
        """Do the same in short steps; see `AttentiveMaskedLM.attention_steps`."""
        count, heads = self.attention_shape
        chosen = list(range(count)) if layers is None else list(layers)
        if any(not 0 <= layer < count for layer in chosen):
            raise IndexError(
                f"the layers of {self.name} are 0 to {count - 1} (counted from 0), not {chosen}"
            )
        length = len(contexts[0].sequence)
        found = np.empty((len(contexts), len(chosen), heads, length, length), np.float32)
        steps = self._blocks(contexts, max(chosen, default=-1) + 1)
        for share, block in steps:
            for place, layer in enumerate(chosen):
                if layer == block.layer:
                    found[block.contexts, place] = self._residues(block.weights).cpu().numpy()
            yield share
        return found

    def contact_probabilities(self, contexts: Sequence[Context]) -> NDArray[np.float32]:
        """Probabilities of contacts; see `ContactMaskedLM.contact_probabilities`."""
        return run_to_end(self.contact_probability_steps(contexts))

    def contact_probability_steps(
        self, contexts: Sequence[Context]
    ) -> Generator[float, None, NDArray[np.float32]]:
        """Do the same in short steps; see `ContactMaskedLM.contact_probability_steps`."""
        head = self.contact_head
        if head is None:
            raise ModelError(f"{self.name} has no trained contact head.")
        length = len(contexts[0].sequence)
        evidence = np.full((len(contexts), length, length), head.bias, np.float32)
        for share, block in self._blocks(contexts, self.attention_shape[0]):
            with torch.inference_mode():
                part = head.evidence(block.layer, self._residues(block.weights))
            evidence[block.contexts] += part.cpu().numpy()
            yield share
        with np.errstate(over="ignore"):
            return np.asarray(1 / (1 + np.exp(-evidence)), np.float32)

    def _blocks(
        self, contexts: Sequence[Context], layers: int
    ) -> Iterator[tuple[float, AttentionBlock]]:
        """Yield the blocks of the first layers, each with the share of the work that is then done.

        As many contexts go through the layers together as suit the model.
        """
        ids, _ = self._tokens_of(contexts, None)
        size = self.preferred_batch(len(contexts[0].sequence))
        done = 0
        for start in range(0, len(ids), size):
            for block in self._attention_blocks(ids[start : start + size], layers):
                done += len(block.weights)
                there = slice(start + block.contexts.start, start + block.contexts.stop)
                share = done / (len(contexts) * layers)
                yield share, AttentionBlock(there, block.layer, block.weights)

    def _residues(self, weights: Tensor) -> Tensor:
        kept = slice(self.tokens.prefix, weights.shape[-1] - self.tokens.suffix)
        return weights[..., kept, kept]

    def preferred_batch(self, length: int) -> int:
        """How many contexts of this length should go through the model together."""
        raise NotImplementedError

    def _tokens_of(
        self, contexts: Sequence[Context], positions: NDArray[np.int64] | None
    ) -> tuple[Tensor, Tensor | None]:
        raise NotImplementedError

    def _attention_blocks(self, ids: Tensor, layers: int) -> Iterator[AttentionBlock]:
        """Yield the blocks of token ids (n, T) through the first layers, layer by layer."""
        raise NotImplementedError


@torch.inference_mode()
def encoder_blocks(encoder: Encoder, ids: Tensor, layers: int) -> Iterator[AttentionBlock]:
    """Yield the attention of an encoder's first layers, in float32, layer by layer.

    Parameters
    ----------
    encoder : Encoder
        Its buffers are in use within a step.
    ids : Tensor of int64, shape (n, T)
    layers : int
    """
    x = encoder.embed(ids)
    rotation = encoder.rotation(ids.shape[1])
    parts = _parts(len(ids), encoder.ends.heads * ids.shape[1] ** 2)
    for index in range(layers):
        layer = encoder.layers[index]
        for part in parts:
            q, k, v = layer.project(x[part], rotation, encoder.buffers)
            weights = _weights(q, k)
            if index < layers - 1:
                layer.mix(x[part].flatten(0, 1), attend(q, k, v, encoder.buffers), encoder.buffers)
            yield AttentionBlock(part, index, weights)


def network_blocks(network: Any, ids: Tensor, shape: tuple[int, int]) -> Iterator[AttentionBlock]:
    """Yield the attention of a transformers network, as its ``output_attentions`` gives it.

    Parameters
    ----------
    network : transformers.PreTrainedModel
    ids : Tensor of int64, shape (n, T)
    shape : tuple of (int, int)
        Layers, and heads in each.

    Raises
    ------
    ModelError
        If it does not give weights for all pairs of tokens.
    """
    layers, heads = shape
    tokens = ids.shape[1]
    for part in _parts(len(ids), layers * heads * tokens**2):
        kept = network.config._attn_implementation
        network.set_attn_implementation("eager")  # the others keep the weights to themselves
        try:
            with torch.inference_mode():
                given = network(input_ids=ids[part], output_attentions=True, return_dict=True)
        finally:
            network.set_attn_implementation(kept)
        weights = tuple(given.attentions or ())
        expected = (part.stop - part.start, heads, tokens, tokens)
        if len(weights) != layers or any(tuple(each.shape) != expected for each in weights):
            raise ModelError(
                f"{type(network).__name__} does not give attention weights for all pairs of "
                "tokens: use a model of ESM's, ESM C's or BERT's kind, such as 'esm2-8m'."
            )
        for index, each in enumerate(weights):
            yield AttentionBlock(part, index, each.float())


def attention_shape(config: Any) -> tuple[int, int] | None:
    """Return the numbers of layers and of heads that a configuration states, if it does."""
    layers = getattr(config, "num_hidden_layers", None)
    heads = getattr(config, "num_attention_heads", None)
    return (layers, heads) if isinstance(layers, int) and isinstance(heads, int) else None


def _weights(q: Tensor, k: Tensor) -> Tensor:
    """Softmax attention weights, (n, heads, T, T), from queries and keys, (heads, n, T, d_head)."""
    kind = torch.promote_types(q.dtype, torch.float32)
    scores = (q.to(kind) * q.shape[-1] ** -0.5) @ k.to(kind).transpose(-1, -2)
    weights: Tensor = scores.softmax(dim=-1).transpose(0, 1).float()
    return weights


def _parts(count: int, each: int) -> list[slice]:
    size = max(1, WEIGHTS_AT_ONCE // each)
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]
