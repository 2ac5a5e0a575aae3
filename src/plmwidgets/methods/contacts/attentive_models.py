"""Models that tell of their attention: which do, how much of it fits, and what else to use."""

from collections.abc import Collection, Sequence
from typing import Final, cast

import numpy as np

from plmwidgets.models.masked_lm import (
    AttentiveMaskedLM,
    ContactMaskedLM,
    MaskedLM,
    ModelError,
)

LARGEST_BYTES: Final = 2 * 10**9
"""What the maps of one result may take."""


def attentive_model(
    model: MaskedLM, length: int, layers: Sequence[int] | None = None
) -> AttentiveMaskedLM:
    """Return the model as one that tells of its attention.

    Raises
    ------
    ModelError, IndexError, TypeError, ValueError
        As `plmwidgets.attention`; of the layers and the memory alone.
    """
    if "attentions" not in model.capabilities:
        raise ModelError(
            f"{model.name} {_why_not(model, 'has no attention maps to give')}: use one of the "
            "transformers library, such as 'esm2-8m' or 'demo', or a pair scan, "
            "scan_pairs(protein, model), which works with any model."
        )
    attentive = cast(AttentiveMaskedLM, model)
    count, heads = attentive.attention_shape
    if layers is not None:
        _check_layers(model, count, layers)
        count = len(layers)
    size = 4 * count * heads * length**2
    if size > LARGEST_BYTES:
        most = LARGEST_BYTES // (4 * heads * length**2)
        advice = (
            f"choose up to {most} layers, such as layers={list(range(count))[-most:]}"
            if most
            else "cut the protein into domains"
        )
        raise ValueError(
            f"{count} layers x {heads} heads of {length} x {length} residues take "
            f"{size / 1e9:.2g} GB, more than {LARGEST_BYTES / 1e9:.0f}: {advice}"
        )
    return attentive


def attention_precision(model: MaskedLM) -> str:
    """Return that of its attention: float32 where the weights are, whatever the default."""
    offered: tuple[str, ...] = getattr(model, "precisions", ("reference",))
    return "reference" if "reference" in offered else offered[0]


def _check_layers(model: MaskedLM, count: int, layers: Sequence[int]) -> None:
    if isinstance(layers, str) or not isinstance(layers, Collection):
        raise TypeError(
            f"layers={layers!r}: name them in a list of whole numbers, such as [{count - 1}]"
        )
    if not len(layers):
        raise ValueError(
            f"there is no layer to keep: name some of 0 to {count - 1}, or leave layers= out for "
            "all of them"
        )
    if any(not isinstance(n, int | np.integer) or n not in range(count) for n in layers):
        raise IndexError(
            f"the layers of {model.name} are 0 to {count - 1} (counted from 0), not "
            f"{', '.join(map(repr, layers))}"
        )


def contact_model(model: MaskedLM) -> ContactMaskedLM:
    """Return the model as one with a trained contact head.

    Raises
    ------
    ModelError
        If it has none, saying what to use instead.
    """
    if "contacts" not in model.capabilities:
        raise ModelError(
            f"{model.name} {_why_not(model, 'has no trained contact head')}: ESM-2, ESM-1b and the "
            "demo have one, and load_model(..., contact_head=True) believes in the one of another "
            "checkpoint. Without one, rank pairs by attention(protein, model).contacts(), "
            "jacobian(protein, model).contacts() or a pair scan."
        )
    return cast(ContactMaskedLM, model)


def _why_not(model: MaskedLM, otherwise: str) -> str:
    if "remote" in model.capabilities:
        return "computes elsewhere, and tells of its attention only where it is loaded"
    return otherwise
