"""Files of mutation scores: numpy archives."""

import json
import os
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plmwidgets._files import path_ending, read_archive, write_archive
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.mutations.scores import MutationScores
from plmwidgets.protein import Protein

_FORMAT: Final = "plmwidgets mutation scores 1"
_WHAT: Final = "mutation scores"


def write_scores(scores: MutationScores, path: str | os.PathLike[str], replace: bool) -> None:
    """See `MutationScores.save`."""
    target = path_ending(path, ".npz", _WHAT)
    described = {
        "format": _FORMAT,
        "context": scores.context,
        "name": scores.protein.name,
        "sequence": scores.protein.sequence,
        "provenance": scores.provenance,
    }
    arrays = {"log_ratios": scores.log_ratios, "description": json.dumps(described, default=str)}
    if scores.log_probabilities is not None:
        arrays["log_probabilities"] = scores.log_probabilities
    write_archive(target, arrays, replace)


def read_scores(path: str | os.PathLike[str]) -> MutationScores:
    """See `MutationScores.load`."""
    source = path_ending(path, ".npz", _WHAT)
    return read_archive(source, _read, _WHAT, "MutationScores.save")


def _read(archive: Any) -> MutationScores:
    described = json.loads(str(archive["description"]))
    if described["format"] != _FORMAT:
        raise ValueError("it is of another format")
    own = Protein(described["sequence"], name=described["name"])
    scores = MutationScores(own, described["context"], described["provenance"])
    if not isinstance(scores.provenance.get("identity", {}), dict):
        raise ValueError("it does not say which model they are of")
    scores.log_ratios = _checked(archive["log_ratios"], len(own))
    if scores.log_probabilities is not None:
        scores.log_probabilities = _checked(archive["log_probabilities"], len(own))
    return scores


def _checked(values: NDArray[Any], length: int) -> NDArray[np.float64]:
    if values.shape != (length, len(AMINO_ACIDS)) or values.dtype != np.float64:
        raise ValueError(f"an array of shape {values.shape} and type {values.dtype} does not fit")
    return values
