"""Alignments of a protein's family, with a column for each of its positions."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plmwidgets.alphabet import AMINO_ACIDS, PLACEHOLDERS
from plmwidgets.protein import Protein
from plmwidgets.sequences import entry_name, fasta_entries
from plmwidgets.structure.alignment import align, identity
from plmwidgets.structure.files import read_text
from plmwidgets.structure.structure import MIN_COVERAGE, MIN_IDENTITY

Alignment = str | os.PathLike[str] | Iterable[str] | NDArray[np.integer]

GAP: Final = len(AMINO_ACIDS)
"""Column of a gap, and of a letter that is none of the twenty."""

_GAPS: Final = "-."
_STATE: Final = np.full(128, -1, dtype=np.int8)
_STATE[[ord(sign) for sign in _GAPS + PLACEHOLDERS]] = GAP
_STATE[[ord(letter) for letter in AMINO_ACIDS]] = np.arange(GAP)


def aligned_columns(protein: Protein, alignment: Alignment) -> NDArray[np.int8]:
    """Place an alignment on a protein.

    Parameters
    ----------
    protein : Protein
        L residues.
    alignment : path, iterable of str, or ndarray of int
        A FASTA or A3M file (``.gz`` may follow), or its sequences, all of one length, ``-`` or
        ``.`` where there is a gap. The first one is the protein's own, or nearly; columns where it
        has a gap are left out. Where there are lower-case letters they are insertions, as in A3M,
        and are left out together with the dots. Or an array of shape (N, L), such as
        `PottsModel.sample` gives: columns of `plmwidgets.alphabet.AMINO_ACIDS`, -1 for a gap.

    Returns
    -------
    ndarray of int8, shape (N, L)
        Columns of `plmwidgets.alphabet.AMINO_ACIDS`, or `GAP`. Positions of the protein that the
        alignment has no column for are `GAP` in all sequences.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If it is nothing of the kind.
    ValueError
        If there are fewer than two sequences, they are of different lengths or hold signs that are
        no residues (the first such one is named), or the first is not the protein's.
    """
    if isinstance(alignment, np.ndarray):
        return _of_array(protein, alignment)
    if isinstance(alignment, str | os.PathLike):
        named = _read(Path(alignment))
    else:
        if not isinstance(alignment, Iterable):
            raise TypeError(
                "an alignment is the path of a FASTA or A3M file, a list of sequences, or an array "
                f"of whole numbers, not {type(alignment).__name__}"
            )
        named = [(f"sequence {k}", letters) for k, letters in enumerate(alignment, start=1)]
    if len(named) < 2:
        raise ValueError(
            f"an alignment has at least two sequences, and this one has {len(named)}: give more "
            "of the family, the protein's own first"
        )
    for name, letters in named:
        if not isinstance(letters, str):
            raise TypeError(f"{name} is no string of letters but {type(letters).__name__}")
    named = _without_insertions(named)
    return _on_protein(protein, named[0][1], _encoded(named))


def _of_array(protein: Protein, given: NDArray[np.integer]) -> NDArray[np.int8]:
    if given.ndim != 2 or given.shape[1] != len(protein) or len(given) < 2:
        raise ValueError(
            f"an array of aligned sequences of {protein.name} has shape (N, {len(protein)}) with "
            f"N from 2 up, not {given.shape}"
        )
    if not np.issubdtype(given.dtype, np.integer) or given.min() < -1 or given.max() >= GAP:
        raise ValueError(
            "an array of aligned sequences holds columns of the twenty amino acids, whole numbers "
            "from 0 to 19, or -1 for a gap"
        )
    if given.max() < 0:
        raise ValueError(
            "the array of aligned sequences is all gaps (-1): there is no residue in it"
        )
    return np.where(given < 0, GAP, given).astype(np.int8)


def _read(path: Path) -> list[tuple[str, str]]:
    # HH-suite begins its A3M files with lines such as "#A3M#".
    text = "\n".join(line for line in read_text(path).splitlines() if not line.startswith("#"))
    return [
        (repr(entry_name(path, header)), "".join(letters.split()))
        for header, letters in fasta_entries(path, text)
    ]


def _without_insertions(named: list[tuple[str, str]]) -> list[tuple[str, str]]:
    if not any(sign.islower() for _, letters in named for sign in letters):
        return named
    if not any(sign.isupper() for sign in named[0][1]):
        raise ValueError(
            f"{named[0][0]} has lower-case letters alone, which are insertions, as in A3M, and are "
            "left out: write residues in upper case"
        )
    dropped = str.maketrans("", "", "abcdefghijklmnopqrstuvwxyz.")
    return [(name, letters.translate(dropped)) for name, letters in named]


def _encoded(named: list[tuple[str, str]]) -> NDArray[np.int8]:
    first, query = named[0]
    rows = np.empty((len(named), len(query)), dtype=np.int8)
    for row, (name, letters) in zip(rows, named, strict=True):
        if len(letters) != len(query):
            raise ValueError(
                f"the sequences are not aligned: {first} has {len(query)} columns and {name} has "
                f"{len(letters)} (lower-case letters not counted). Align them first, gaps as '-'"
            )
        codes = np.frombuffer(letters.encode("utf-32-le"), dtype=np.uint32)
        row[:] = np.where(codes < len(_STATE), _STATE[np.minimum(codes, len(_STATE) - 1)], -1)
        if (row < 0).any():
            at = int(np.argmax(row < 0))
            raise ValueError(
                f"{name} holds {letters[at]!r} in column {at + 1} (counted from 1), which is "
                f"neither a residue ({AMINO_ACIDS}, or {PLACEHOLDERS}) nor a gap ('-' or '.')"
            )
    return rows


def _on_protein(protein: Protein, first: str, rows: NDArray[np.int8]) -> NDArray[np.int8]:
    """Give each position of the protein its column, by the first sequence."""
    columns = np.array([k for k, sign in enumerate(first) if sign not in _GAPS], dtype=np.int64)
    query = "".join(first[k] for k in columns)
    if not query:
        raise ValueError("the first sequence is all gaps: put the protein's own first")
    placed = align(query, protein.sequence, np.full(len(query), np.nan))
    identical, compared, _ = identity(query, protein.sequence, placed)
    possible = min(len(query), len(protein))
    if compared < MIN_COVERAGE * possible or identical < MIN_IDENTITY * compared:
        raise ValueError(
            f"the first sequence of the alignment is not that of {protein.name}: {identical} of "
            f"{possible} residues agree. Put the protein's own sequence first, aligned with the "
            "others"
        )
    found = np.full((len(rows), len(protein)), GAP, dtype=np.int8)
    inside = placed >= 0
    found[:, placed[inside]] = rows[:, columns[inside]]
    return found
