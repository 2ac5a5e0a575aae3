"""The superposed pair pass, written plainly: one pair after the other, from the networks' modules.

A context's tokens are run through the layers in float64. For a pair (i, j), only the two masked
residues are run anew; what they see of any other token t is a superposition of what three simpler
contexts make of it: K^{i}_t + K^{j}_t - K^{}_t for the keys, and likewise for the values.
"""

import itertools
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoModelForMaskedLM, AutoTokenizer, EsmcForMaskedLM
from transformers.models.esm.modeling_esm import rotate_half

from plmwidgets.alphabet import AMINO_ACIDS

MASKED = 2
"""Masked tokens that token dropout is told of, whatever the context."""


class SuperposedReference:
    """A checkpoint of ESM's or ESM C's kind, taken apart into the steps of a forward."""

    def __init__(self, folder: Path) -> None:
        self.network = AutoModelForMaskedLM.from_pretrained(folder).double().eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.columns = self.tokenizer.convert_tokens_to_ids(list(AMINO_ACIDS))
        self.steps = (EsmcSteps if isinstance(self.network, EsmcForMaskedLM) else EsmSteps)(
            self.network
        )

    @torch.no_grad()
    def pairs(self, sequence: str) -> NDArray[np.float64]:
        """Log p(i|{i,j}) of all pairs, [i, j]; NaN on the diagonal."""
        length = len(sequence)
        unmasked = self._keys_and_values(self.ids(sequence))
        single = [self._keys_and_values(self.ids(sequence, [i])) for i in range(length)]
        result = np.full((length, length, len(AMINO_ACIDS)), np.nan)
        for i, j in itertools.combinations(range(length), 2):
            # The first token is <cls>.
            tokens = [i + 1, j + 1]
            rows = self.steps.embed(self.ids(sequence, [i, j]))[tokens]
            for n, layer in enumerate(self.steps.layers):
                q, k, v = self.steps.project(layer, rows, tokens)
                keys, values = (
                    a + b - none
                    for a, b, none in zip(single[i][n], single[j][n], unmasked[n], strict=True)
                )
                keys[:, tokens] = k
                values[:, tokens] = v
                rows = self.steps.finish(layer, rows, attention(q, keys, values))
            result[i, j], result[j, i] = self._log_probabilities(rows).numpy()
        return result

    @torch.no_grad()
    def plain(self, sequence: str, masked: list[int]) -> NDArray[np.float64]:
        """Log-probabilities of all residues of one context, by the same steps."""
        x = self.steps.embed(self.ids(sequence, masked))
        tokens = list(range(len(x)))
        for layer in self.steps.layers:
            x = self.steps.finish(layer, x, attention(*self.steps.project(layer, x, tokens)))
        return self._log_probabilities(x)[1:-1].numpy()

    @torch.no_grad()
    def network_forward(self, sequence: str, masked: list[int]) -> NDArray[np.float64]:
        """The same by the network's own forward, which counts the masked tokens itself."""
        logits = self.network(self.ids(sequence, masked)[None]).logits[0, 1:-1]
        return logits[:, self.columns].log_softmax(-1).numpy()

    def ids(self, sequence: str, masked: list[int] | None = None) -> Tensor:
        ids = self.tokenizer(sequence, return_tensors="pt")["input_ids"][0]
        ids[[i + 1 for i in masked or []]] = self.tokenizer.mask_token_id
        return ids

    def _keys_and_values(self, ids: Tensor) -> list[tuple[Tensor, Tensor]]:
        x = self.steps.embed(ids)
        found = []
        for layer in self.steps.layers:
            q, k, v = self.steps.project(layer, x, list(range(len(ids))))
            found.append((k, v))
            x = self.steps.finish(layer, x, attention(q, k, v))
        return found

    def _log_probabilities(self, x: Tensor) -> Tensor:
        return self.steps.head(x)[:, self.columns].log_softmax(-1)


class EsmSteps:
    """The steps of an ESM-1b, ESM-1v or ESM-2."""

    def __init__(self, network) -> None:
        self.network = network
        self.layers = network.esm.encoder.layer

    def embed(self, ids: Tensor) -> Tensor:
        embeddings, config = self.network.esm.embeddings, self.network.config
        x = embeddings.word_embeddings(ids)
        if config.token_dropout:
            x = x.masked_fill((ids == config.mask_token_id)[:, None], 0)
            x = x * (1 - 0.12) / (1 - MASKED / len(ids))
        if config.position_embedding_type == "absolute":
            first = config.pad_token_id + 1
            x = x + embeddings.position_embeddings.weight[first : first + len(ids)]
        return x if embeddings.layer_norm is None else embeddings.layer_norm(x)

    def project(self, layer, x: Tensor, tokens: list[int]) -> tuple[Tensor, Tensor, Tensor]:
        part, normed = layer.attention.self, layer.attention.LayerNorm(x)
        heads = self.network.config.num_attention_heads
        q, k, v = (split(f(normed), heads) for f in (part.query, part.key, part.value))
        if self.network.config.position_embedding_type == "rotary":
            cos_sin = self.network.esm.rotary_embeddings(x, torch.tensor([tokens]))
            q, k = rotate(q, *cos_sin), rotate(k, *cos_sin)
        return q, k, v

    def finish(self, layer, x: Tensor, mixed: Tensor) -> Tensor:
        return layer.feed_forward_chunk(layer.attention.output(mixed, x))

    def head(self, x: Tensor) -> Tensor:
        return self.network.lm_head(self.network.esm.encoder.emb_layer_norm_after(x))


class EsmcSteps:
    """The steps of an ESM C."""

    def __init__(self, network) -> None:
        self.network = network
        self.layers = network.esmc.layers

    def embed(self, ids: Tensor) -> Tensor:
        return self.network.esmc.embed_tokens(ids)

    def project(self, layer, x: Tensor, tokens: list[int]) -> tuple[Tensor, Tensor, Tensor]:
        part, normed = layer.self_attn, layer.input_layernorm(x)
        heads = self.network.config.num_attention_heads
        q = split(part.q_norm(part.q_proj(normed)), heads)
        k = split(part.k_norm(part.k_proj(normed)), heads)
        cos_sin = self.network.esmc.rotary_emb(x, torch.tensor([tokens]))
        return rotate(q, *cos_sin), rotate(k, *cos_sin), split(part.v_proj(normed), heads)

    def finish(self, layer, x: Tensor, mixed: Tensor) -> Tensor:
        x = x + layer.self_attn.o_proj(mixed) / layer.scaling_factor
        return x + layer.mlp(layer.post_attention_layernorm(x)) / layer.scaling_factor

    def head(self, x: Tensor) -> Tensor:
        return self.network.lm_head(self.network.esmc.norm(x))


def split(x: Tensor, heads: int) -> Tensor:
    """From rows, (n, d), to heads, (heads, n, d / heads)."""
    return x.unflatten(-1, (heads, -1)).transpose(0, 1)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn heads to their positions, wholly in float64: ESM's own function rounds to float32."""
    return x * cos + rotate_half(x) * sin


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """From heads to rows."""
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    return (scores.softmax(-1) @ v).transpose(0, 1).flatten(-2)
