"""Networks of ESM-2's shapes with random weights, and ways to run them."""

import copy
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoTokenizer, EsmConfig, EsmForMaskedLM

from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.models.catalog import DEMO_FOLDER
from plmwidgets.models.esm import EsmMaskedLM
from plmwidgets.models.masked_lm import Context
from plmwidgets.models.tokens import ResidueTokenizer

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Run = Callable[[Sequence[Context], Ints], Floats]

SHAPES: Final = {
    "tiny": (2, 64, 4),
    "8M": (6, 320, 20),
    "35M": (12, 480, 20),
    "150M": (30, 640, 20),
    "650M": (33, 1280, 20),
    "3B": (36, 2560, 40),
}
"""Layers, width and heads of the ESM-2 models, and of one to try the scripts with."""
WEIGHT_SCALE: Final = 0.045
SCALE_WIDTH: Final = 320
"""Random weights have this standard deviation at this width. It falls with the root of the width:
otherwise wide networks would magnify rounding errors more than trained ones do."""
SPECIALS: Final = 2  # tokens beside the residues


def random_network(shape: str, seed: int = 0, device: torch.device | str = "cpu") -> EsmForMaskedLM:
    """Return an ESM-2 of a shape with random weights: speed does not depend on them.

    They are drawn on the device: three billion of them take a minute on a CPU.
    """
    layers, width, heads = SHAPES[shape]
    config = EsmConfig(
        vocab_size=33,
        mask_token_id=32,
        pad_token_id=1,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        position_embedding_type="rotary",
        token_dropout=True,
        emb_layer_norm_before=False,
        max_position_embeddings=1026,
        attention_probs_dropout_prob=0.0,
        hidden_dropout_prob=0.0,
        layer_norm_eps=1e-5,
    )
    torch.manual_seed(seed)
    with torch.device(device):
        network = EsmForMaskedLM(config).eval()
    scale = WEIGHT_SCALE * (SCALE_WIDTH / width) ** 0.5
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim == 2:
                parameter.normal_(0, scale)
    return network


def wrap(network: EsmForMaskedLM, shape: str) -> EsmMaskedLM:
    """Return the network as the package sees it."""
    tokenizer = AutoTokenizer.from_pretrained(DEMO_FOLDER / "model", trust_remote_code=False)
    return EsmMaskedLM(
        network, tokenizer, name=f"random-{shape}", checkpoint=f"random-{shape}", revision="0"
    )


def random_sequence(length: int, seed: int = 0) -> str:
    """Return a sequence of the twenty amino acids."""
    return "".join(np.random.default_rng(seed).choice(list(AMINO_ACIDS), length))


def random_pairs(length: int, count: int, seed: int = 0) -> Ints:
    """Return different pairs i < j, in random order; all of them if there are no more."""
    pairs = np.stack(np.triu_indices(length, 1), axis=1)
    random = np.random.default_rng(seed)
    return random.choice(pairs, min(count, len(pairs)), replace=False)


def published(network: Any, tokens: ResidueTokenizer) -> Run:
    """Run the network as the published notebook does.

    All logits of a batch of double-masked sequences, then the masked rows and twenty columns. They
    are on the host when it returns: a device has finished by then.
    """
    device = network.device
    columns = torch.from_numpy(tokens.columns).to(device)

    def run(contexts: Sequence[Context], positions: Ints) -> Floats:
        ids = torch.from_numpy(tokens.encode(contexts)).to(device)
        with torch.inference_mode():
            logits = network(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.float()
            rows = torch.from_numpy(positions + tokens.prefix).to(device)
            chosen = logits[torch.arange(len(ids), device=device)[:, None], rows][..., columns]
            values: Floats = chosen.log_softmax(dim=-1).cpu().numpy()
            return values

    return run


def in_type(network: EsmForMaskedLM, dtype: torch.dtype) -> EsmForMaskedLM:
    """Return a copy of the network in another type, as `from_pretrained` would load it.

    The frequencies of its rotary positions are no weights, and stay as they are.
    """
    weights = {
        id(weight): torch.nn.Parameter(weight.detach().to(dtype), requires_grad=False)
        for weight in network.parameters()
    }
    return copy.deepcopy(network, weights)


def ours(model: EsmMaskedLM, precision: str) -> Run:
    """Run the package's exact forward."""

    def run(contexts: Sequence[Context], positions: Ints) -> Floats:
        return model.log_probabilities(contexts, positions, precision=precision)

    return run


def pass_flops(shape: str, length: int) -> float:
    """Operations of one whole pass over a context of so many residues."""
    layers, d, _ = SHAPES[shape]
    tokens = length + SPECIALS
    return layers * (24 * tokens * d**2 + 4 * tokens**2 * d)
