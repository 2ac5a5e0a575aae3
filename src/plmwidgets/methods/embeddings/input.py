"""What can be embedded: one protein, several, or a FASTA file."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np
import pandas as pd

from plmwidgets._files import require_file
from plmwidgets._numbers import as_whole
from plmwidgets.models.masked_lm import EmbeddingMaskedLM, MaskedLM, ModelError
from plmwidgets.protein import Protein, as_protein
from plmwidgets.sequences import FASTA_SUFFIXES, read_all_fasta
from plmwidgets.structure.files import read_text, suffix_of

Proteins = Protein | str | os.PathLike[str] | Iterable[Protein | str]

SEPARATOR: Final = "/"


@dataclass(frozen=True)
class SequenceSet:
    """Some proteins as one, for what describes a result of all of them.

    Attributes
    ----------
    proteins : tuple of Protein
    """

    proteins: tuple[Protein, ...]

    @property
    def name(self) -> str:
        """That of a protein alone, or how many there are."""
        alone = len(self.proteins) == 1
        return self.proteins[0].name if alone else f"{len(self.proteins):,} sequences"

    @property
    def sequence(self) -> str:
        """All sequences, with a sign between them that none has."""
        return SEPARATOR.join(protein.sequence for protein in self.proteins)

    @property
    def residue_labels(self) -> tuple[str, ...]:
        """The names."""
        return tuple(protein.name for protein in self.proteins)


def proteins_of(given: Proteins) -> tuple[Protein, ...]:
    """Return the proteins that somebody names.

    Parameters
    ----------
    given : Protein, str, path, or iterable of Protein or str
        A protein or a sequence, some of them, or the path of a FASTA file (``.gz`` may follow), all
        of whose entries are read, or of a structure. Sequences in a list are named by their number.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If it is nothing of the kind.
    ValueError
        If there is none, or one cannot be read.
    """
    if isinstance(given, Protein):
        return (given,)
    if isinstance(given, os.PathLike) or (isinstance(given, str) and _is_path(given)):
        return _of_file(Path(given))
    if isinstance(given, str):
        return (Protein(given),)
    if isinstance(given, Mapping | set | frozenset | pd.DataFrame):
        # Their names would be read as sequences, or in an order that is nobody's.
        raise TypeError(
            f"the sequences of a {type(given).__name__} have no order or are not what it counts "
            "through: give a list, such as list(named.values()) or table['sequence']"
        )
    if isinstance(given, bytes) or not isinstance(given, Iterable) or _is_single(given):
        raise TypeError(
            f"expected a Protein, a sequence, a list of them or the path of a FASTA file, not "
            f"{type(given).__name__}"
        )
    found = []
    for number, each in enumerate(given, start=1):
        try:
            text = isinstance(each, str)
            found.append(Protein(str(each), f"sequence {number}") if text else as_protein(each))
        except (TypeError, ValueError) as error:
            raise type(error)(f"sequence {number}: {error}") from error
    if not found:
        raise ValueError("there is no sequence to embed: give at least one")
    return tuple(found)


def _is_single(given: object) -> bool:
    return isinstance(given, np.ndarray) and given.ndim == 0


def _is_path(text: str) -> bool:
    # No sequence has these signs, and a file's name has a dot.
    return "." in text or os.sep in text


def _of_file(path: Path) -> tuple[Protein, ...]:
    require_file(path)
    if suffix_of(path) not in FASTA_SUFFIXES:
        return (Protein.from_file(path),)
    entries = read_all_fasta(path, read_text(path))
    return tuple(Protein(letters, name) for name, letters in entries)


def embedding_model(model: MaskedLM, proteins: Sequence[Protein]) -> EmbeddingMaskedLM:
    """Return the model as one that gives hidden states, if it takes all these proteins.

    Raises
    ------
    ModelError
        If it has none, or does not take one of them (the first ones are named).
    """
    if "embeddings" not in model.capabilities:
        why = "has no hidden states to give"
        if "remote" in model.capabilities:
            why = "computes elsewhere, and gives its hidden states only where it is loaded"
        raise ModelError(
            f"{model.name} {why}: use one of the transformers library, such as 'esm2-8m' or 'demo'."
        )
    problems = []
    for protein in proteins:
        try:
            model.check_sequence(protein.sequence)
        except ModelError as error:
            problems.append(str(error) if len(proteins) == 1 else f"{protein.name!r}: {error}")
    if problems:
        more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
        some = len(proteins) > 1
        count = f"{len(problems)} of {len(proteins):,} sequences do not fit. " if some else ""
        raise ModelError(f"{count}{' '.join(problems[:3])}{more}")
    return cast(EmbeddingMaskedLM, model)


def chosen_layers(model: EmbeddingMaskedLM, layers: object) -> tuple[int, ...]:
    """Return the layers that somebody names: those of `embed`.

    Raises
    ------
    IndexError
        If there is no such layer.
    TypeError, ValueError
        If it names none, or one twice.
    """
    last = model.embedding_shape[0]
    if layers is None:
        return (last,)
    if isinstance(layers, str):
        if layers == "all":
            return tuple(range(last + 1))
        raise ValueError(f"layers={layers!r}: name them by number, such as {last}, or 'all'")
    if isinstance(layers, int | np.integer):
        layers = [layers]
    if not isinstance(layers, Iterable) or _is_single(layers):
        raise TypeError(
            f"layers={layers!r}: name them in a list of whole numbers, such as [{last}]"
        )
    named = list(layers)
    if not named:
        raise ValueError(
            f"there is no layer to keep: name some of 0 to {last}, or leave layers= out for the "
            "last"
        )
    found = [as_whole(layer, 0) for layer in named]
    if any(layer is None or layer > last for layer in found):
        raise IndexError(
            f"the layers of {model.name} are 0 (what the first layer is given) to {last} (after "
            f"the last), not {', '.join(map(repr, named))}"
        )
    if len(set(found)) < len(found):
        raise ValueError(f"layers={named}: name each layer once")
    return tuple(cast(list[int], found))
