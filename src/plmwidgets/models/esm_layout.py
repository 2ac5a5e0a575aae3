"""Where the networks of ESM-1b, ESM-1v, ESM-2 and ESM C keep what an `Encoder` needs."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import EsmcForMaskedLM, EsmForMaskedLM

from plmwidgets.models.encoder import Encoder, Ends
from plmwidgets.models.layers import Arithmetic, Layer, Linear, Norm

_PLAIN: Final = (
    torch.nn.Linear,
    torch.nn.LayerNorm,
    torch.nn.Embedding,
    torch.nn.Dropout,
    torch.nn.Sigmoid,
    torch.nn.ModuleList,
)
_OWN: Final = ("transformers.models.esm", "transformers.activations")
"""Where the other modules of these networks come from."""


def is_esm_like(network: Any) -> bool:
    """Whether an `Encoder` computes what this network computes.

    Adapters and quantised weights change the modules, and so are left to the network itself.
    """
    config = network.config
    if type(network) is EsmForMaskedLM:
        known = not (config.is_decoder or config.add_cross_attention)
        known = known and config.position_embedding_type in ("rotary", "absolute")
    elif type(network) is EsmcForMaskedLM:
        known = config.hidden_act == "silu" and config.rope_parameters["rope_type"] == "default"
        known = known and config.num_key_value_heads == config.num_attention_heads
        known = known and config.head_dim in (
            None,
            config.hidden_size // config.num_attention_heads,
        )
    else:
        return False
    modules = (type(module) for module in network.modules())
    known = known and all(m in _PLAIN or m.__module__.startswith(_OWN) for m in modules)
    return known and all(type(p) is torch.nn.Parameter for p in network.parameters())


def read_encoder(network: Any, columns: NDArray[np.int64], mask_id: int) -> Encoder:
    """Return the encoder of a network that `is_esm_like`, sharing its memory, in its type.

    Parameters
    ----------
    network : EsmForMaskedLM or EsmcForMaskedLM
        Its query, key and value weights become views of one tensor, of the same values.
    columns : ndarray of int64, shape (20,)
        Tokens of the amino acids.
    mask_id : int
        The token that hides a residue.
    """
    tensors = dict(network.named_parameters())
    layers = []
    for index in range(network.config.num_hidden_layers):
        layers.append(read_layer(network.config, tensors, index))
        for name, view in _shared(network.config, layers[-1], index):
            tensors[name].data = view
    own = Arithmetic(network.dtype, network.dtype)
    return Encoder(read_ends(network, columns, mask_id), layers, network.device, own)


def read_ends(network: Any, columns: NDArray[np.int64], mask_id: int) -> Ends:
    """Return what lies before the first and after the last layer of a network."""
    config, tensors = network.config, dict(network.named_parameters())
    chosen = torch.from_numpy(columns).to(network.device)
    if config.model_type == "esmc":
        decoder = _linear(tensors, "lm_head.decoder")
        return Ends(
            heads=config.num_attention_heads,
            embedding=tensors["esmc.embed_tokens.weight"].detach(),
            mask_id=mask_id,
            token_dropout=False,
            positions=None,
            input_norm=None,
            inverse_frequencies=network.esmc.rotary_emb.inv_freq,
            output_norm=_norm(tensors, "esmc.norm", 1e-5),
            dense=_linear(tensors, "lm_head.dense"),
            head_norm=_norm(tensors, "lm_head.layer_norm", 1e-5),
            decoder=_rows(decoder, chosen),
        )
    epsilon = config.layer_norm_eps
    embedding = tensors["esm.embeddings.word_embeddings.weight"].detach()
    rotary = config.position_embedding_type == "rotary"
    positions = tensors.get("esm.embeddings.position_embeddings.weight")
    return Ends(
        heads=config.num_attention_heads,
        embedding=embedding,
        mask_id=mask_id,
        token_dropout=config.token_dropout,
        # Positions are counted from after the padding index.
        positions=None if positions is None else positions.detach()[config.pad_token_id + 1 :],
        input_norm=(
            _norm(tensors, "esm.embeddings.layer_norm", epsilon)
            if config.emb_layer_norm_before
            else None
        ),
        inverse_frequencies=network.esm.rotary_embeddings.inv_freq if rotary else None,
        output_norm=_norm(tensors, "esm.encoder.emb_layer_norm_after", epsilon),
        dense=_linear(tensors, "lm_head.dense"),
        head_norm=_norm(tensors, "lm_head.layer_norm", epsilon),
        decoder=_rows(
            Linear(network.lm_head.decoder.weight.detach(), tensors["lm_head.bias"].detach()),
            chosen,
        ),
    )


def read_layer(config: Any, tensors: Mapping[str, Tensor], index: int) -> Layer:
    """Return a layer from a network's parameters, by their names.

    Raises
    ------
    KeyError
        If one is missing.
    """
    at, parts = layer_name(config, index), linear_parts(config, index)
    if config.model_type == "esmc":
        # The residual branches are divided by a constant.
        share = math.sqrt(36 / config.num_hidden_layers)
        return Layer(
            heads=config.num_attention_heads,
            attention_norm=_norm(tensors, f"{at}.input_layernorm", 1e-5),
            qkv=_stacked(tensors, parts["qkv"]),
            query_norm=_norm(tensors, f"{at}.self_attn.q_norm", 1e-5),
            key_norm=_norm(tensors, f"{at}.self_attn.k_norm", 1e-5),
            out=replace(_stacked(tensors, parts["out"]), share=share),
            feed_forward_norm=_norm(tensors, f"{at}.post_attention_layernorm", 1e-5),
            up=_stacked(tensors, parts["up"]),
            down=replace(_stacked(tensors, parts["down"]), share=share),
            gated=True,
        )
    return Layer(
        heads=config.num_attention_heads,
        attention_norm=_norm(tensors, f"{at}.attention.LayerNorm", config.layer_norm_eps),
        qkv=_stacked(tensors, parts["qkv"]),
        query_norm=None,
        key_norm=None,
        out=_stacked(tensors, parts["out"]),
        feed_forward_norm=_norm(tensors, f"{at}.LayerNorm", config.layer_norm_eps),
        up=_stacked(tensors, parts["up"]),
        down=_stacked(tensors, parts["down"]),
        gated=False,
    )


def layer_name(config: Any, index: int) -> str:
    """Return the name of a layer's module, with which its parameters' names begin."""
    return f"esmc.layers.{index}" if config.model_type == "esmc" else f"esm.encoder.layer.{index}"


def linear_parts(config: Any, index: int) -> dict[str, list[str]]:
    """Name the modules whose weights each affine map of a `Layer` stacks."""
    at = layer_name(config, index)
    if config.model_type == "esmc":
        return {
            "qkv": [f"{at}.self_attn.{part}_proj" for part in "qkv"],
            "out": [f"{at}.self_attn.o_proj"],
            "up": [f"{at}.mlp.gate_proj", f"{at}.mlp.up_proj"],
            "down": [f"{at}.mlp.down_proj"],
        }
    return {
        "qkv": [f"{at}.attention.self.{part}" for part in ("query", "key", "value")],
        "out": [f"{at}.attention.output.dense"],
        "up": [f"{at}.intermediate.dense"],
        "down": [f"{at}.output.dense"],
    }


def _shared(config: Any, layer: Layer, index: int) -> list[tuple[str, Tensor]]:
    """Name the parameters that a layer's stacked weights hold already."""
    names = linear_parts(config, index)["qkv"]
    shared = list(zip((f"{n}.weight" for n in names), layer.qkv.weight.chunk(3), strict=True))
    if layer.qkv.bias is not None:
        shared += zip((f"{n}.bias" for n in names), layer.qkv.bias.chunk(3), strict=True)
    if layer.gated:
        at = f"{layer_name(config, index)}.mlp"
        gate, up = layer.up.weight.chunk(2)
        shared += [(f"{at}.gate_proj.weight", gate), (f"{at}.up_proj.weight", up)]
    return shared


def _norm(tensors: Mapping[str, Tensor], name: str, epsilon: float) -> Norm:
    bias = tensors.get(f"{name}.bias")
    return Norm(
        tensors[f"{name}.weight"].detach(), None if bias is None else bias.detach(), epsilon
    )


def _linear(tensors: Mapping[str, Tensor], name: str) -> Linear:
    bias = tensors.get(f"{name}.bias")
    return Linear(tensors[f"{name}.weight"].detach(), None if bias is None else bias.detach())


def _stacked(tensors: Mapping[str, Tensor], names: list[str]) -> Linear:
    parts = [_linear(tensors, name) for name in names]
    if len(parts) == 1:  # nothing to copy
        return parts[0]
    biases = [part.bias for part in parts if part.bias is not None]
    return Linear(torch.cat([part.weight for part in parts]), torch.cat(biases) if biases else None)


def _rows(linear: Linear, rows: Tensor) -> Linear:
    return Linear(linear.weight[rows], None if linear.bias is None else linear.bias[rows])
