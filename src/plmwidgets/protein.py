"""A protein: its sequence, with a structure where there is one, and how its residues are named.

Positions are 0-based everywhere in code and data. People see and type labels such as ``A25``: the
letter, then the number in the chain.
"""

import os
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from plmwidgets._warn import warn
from plmwidgets.alphabet import INDEX
from plmwidgets.fetch import alphafold_file, cache_folder, pdb_file
from plmwidgets.sequences import (
    FASTA_SUFFIXES,
    clean_sequence,
    looks_like_nucleotides,
    read_fasta,
)
from plmwidgets.structure import Structure
from plmwidgets.structure.files import (
    STRUCTURE_SUFFIXES,
    UnreadableFileError,
    is_structure_file,
    read_text,
    require_file,
    suffix_of,
)
from plmwidgets.structure.numbering import Numbering, ResidueNumber, text_of


@dataclass(frozen=True, repr=False)
class Protein:
    """An amino-acid sequence, with a name and possibly a structure. Immutable and hashable.

    Parameters
    ----------
    sequence : str
        One letter a residue. Lower case, blanks and line breaks are accepted; X, B, Z, U, O and J
        stand for unknown or rare residues, which serve as context but are never predicted.
    name : str
        For people and file names.
    structure : Structure, optional
        A chain to place on the sequence (see `Structure.align_to`).

    Raises
    ------
    TypeError
        If the sequence is no string.
    ValueError
        If the sequence is empty or holds other signs (the first one is named, with its position),
        or if the structure does not fit it.

    Examples
    --------
    >>> protein = Protein("MKTAYIAKQR", name="leader")
    >>> protein.residue_label(2)
    'T3'
    >>> protein.parse_positions("2-4, R10")
    (1, 2, 3, 9)
    """

    sequence: str
    name: str = "protein"
    structure: Structure | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise TypeError(f"the name must be a string, not {type(self.name).__name__}")
        sequence = clean_sequence(self.sequence)
        object.__setattr__(self, "sequence", sequence)
        if looks_like_nucleotides(sequence):
            warn(
                f"the sequence of {self.name!r} has no letters but those of DNA or RNA: these "
                "models read proteins, so translate it first"
            )
        if self.structure is not None:
            object.__setattr__(self, "structure", self.structure.align_to(sequence))

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        *,
        entry: int | str | None = None,
        chain: str | None = None,
        model: int | None = None,
        sequence: str | None = None,
        name: str | None = None,
    ) -> "Protein":
        """Read a FASTA file (.fasta, .fa, .faa, .fas) or a structure (.pdb, .cif, .bcif ...).

        A structure's sequence is the full one that the file states, with the unresolved residues,
        or else that of the resolved residues. Either kind of file may be gzipped.

        Parameters
        ----------
        path : str or path-like
        entry : int or str, optional
            FASTA: which entry, by 0-based index or by name.
        chain : str, optional
            Structure: the author's chain identifier. By default the first protein chain (with a
            warning where there are others), or the one that fits `sequence` best.
        model : int, optional
            Structure: which model, counted from 1, the default.
        sequence : str, optional
            Structure: the sequence to use, on which the chain is placed by alignment.
        name : str, optional
            By default the entry's, or the file's without its ending.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file cannot be read, or what is asked for is not in it.
        """
        file = Path(path)
        require_file(file)
        if is_structure_file(file):
            if entry is not None:
                raise ValueError(
                    f"entry= chooses from a FASTA file, but {file.name} is a structure: use chain="
                )
            wanted = None if sequence is None else clean_sequence(sequence)
            structure = Structure.from_file(
                file, chain=chain, model=1 if model is None else model, sequence=wanted
            )
            stem = Path(file.name.removesuffix(".gz")).stem
            return cls(structure.sequence, name or stem, structure)
        if suffix_of(file) not in FASTA_SUFFIXES:
            raise ValueError(
                f"cannot tell what {file.name} is by its name: it must end in "
                f"{', '.join(FASTA_SUFFIXES)} for sequences or {', '.join(STRUCTURE_SUFFIXES)} for "
                "structures (.gz may follow)"
            )
        for option, value in (("chain", chain), ("model", model), ("sequence", sequence)):
            if value is not None:
                raise ValueError(
                    f"{option}= is for structures, but {file.name} is a FASTA file: choose a "
                    "sequence with entry="
                )
        entry_name, letters = read_fasta(file, read_text(file), entry)
        return cls(letters, name or entry_name)

    @classmethod
    def from_pdb_id(
        cls,
        pdb_id: str,
        chain: str | None = None,
        *,
        model: int = 1,
        sequence: str | None = None,
        name: str | None = None,
    ) -> "Protein":
        """Fetch a structure from the Protein Data Bank, such as ``"1U19"``.

        It is kept in the user's cache folder and fetched once. For the other parameters see
        `from_file`.

        Raises
        ------
        ValueError
            If the identifier is malformed (no request is made), or there is no such entry.
        ConnectionError
            If the PDB cannot be reached.
        """
        path = pdb_file(pdb_id)
        return cls._fetched(path, name or pdb_id.strip().upper(), chain, model, sequence)

    @classmethod
    def from_alphafold(cls, uniprot_id: str, *, name: str | None = None) -> "Protein":
        """Fetch the predicted structure of a UniProt entry, such as ``"P02699"``.

        It is kept in the user's cache folder and fetched once. The B-factors of its atoms are the
        prediction's confidence (pLDDT, 0-100).

        Raises
        ------
        ValueError
            If the accession is malformed (no request is made), or there is no such model.
        ConnectionError
            If the AlphaFold database cannot be reached.
        """
        accession, path = alphafold_file(uniprot_id)
        return cls._fetched(path, name or accession, None, 1, None)

    @classmethod
    def _fetched(
        cls, path: Path, name: str, chain: str | None, model: int, sequence: str | None
    ) -> "Protein":
        try:
            return cls.from_file(path, chain=chain, model=model, sequence=sequence, name=name)
        except UnreadableFileError:
            # A download that was cut off must not be taken from the cache for ever.
            if path.parent == cache_folder():
                path.unlink()
            raise

    @classmethod
    def demo(cls) -> "Protein":
        """Return the bundled toy protein, with its structure: a sequence of the demo family."""
        packaged = resources.files("plmwidgets").joinpath("demo", "fold.cif")
        with resources.as_file(packaged) as path:
            return cls.from_file(path, name="demo")

    def with_structure(
        self,
        structure: str | os.PathLike[str] | Structure,
        *,
        chain: str | None = None,
        model: int = 1,
    ) -> "Protein":
        """Return this protein with a structure, placed on its sequence by alignment.

        Parameters
        ----------
        structure : path or Structure
            A structure file, or a chain already read.
        chain : str, optional
            Chain identifier; by default the chain that fits the sequence best.
        model : int
            Which model of the file, counted from 1.

        Raises
        ------
        ValueError
            If the structure does not fit the sequence, naming the identity and the first
            differences; and see `Structure.from_file`.
        """
        if not isinstance(structure, Structure):
            structure = Structure.from_file(
                structure, chain=chain, model=model, sequence=self.sequence
            )
        return Protein(self.sequence, self.name, structure)

    def __len__(self) -> int:
        return len(self.sequence)

    def __repr__(self) -> str:
        ends = f"{self.residue_labels[0]} to {self.residue_labels[-1]}"
        if self.structure is None:
            space = "no structure"
        else:
            resolved = int(self.structure.resolved.sum())
            space = f"structure: chain {self.chain!r}, {resolved} of {len(self)} residues resolved"
        return f"<Protein {self.name!r}: {len(self)} residues, {ends}; {space}>"

    @property
    def has_structure(self) -> bool:
        """Whether a structure is attached."""
        return self.structure is not None

    @property
    def chain(self) -> str | None:
        """Identifier of the structure's chain, None without a structure."""
        return None if self.structure is None else self.structure.chain

    @cached_property
    def numbers(self) -> tuple[ResidueNumber, ...]:
        """Residue number and insertion code at each position: the chain's, or 1 to L."""
        if self.structure is not None:
            return self.structure.numbers
        return tuple((i + 1, "") for i in range(len(self)))

    @cached_property
    def residue_labels(self) -> tuple[str, ...]:
        """Label of each residue, such as ``"A25"``."""
        return tuple(
            letter + text_of(number)
            for letter, number in zip(self.sequence, self.numbers, strict=True)
        )

    def residue_label(self, position: int) -> str:
        """Label of the residue at a 0-based position: letter, chain number, insertion code.

        Raises
        ------
        IndexError
            If the position lies outside 0 .. L-1.
        """
        if not 0 <= position < len(self):
            raise IndexError(
                f"position {position} is out of range: {self.name!r} has {len(self)} residues, at "
                f"the 0-based positions 0 to {len(self) - 1}"
            )
        return self.residue_labels[position]

    @cached_property
    def wild_type(self) -> NDArray[np.int64]:
        """Columns of the residues in 20-column arrays, shape (L,), -1 for placeholder letters."""
        columns = np.array([INDEX.get(letter, -1) for letter in self.sequence], dtype=np.int64)
        columns.flags.writeable = False
        return columns

    @cached_property
    def _numbering(self) -> Numbering:
        return Numbering(self.sequence, self.numbers)

    def parse_positions(self, text: str) -> tuple[int, ...]:
        """Read positions as people write them, in the chain's numbering.

        Parameters
        ----------
        text : str
            Numbers or labels, single or as ranges, separated by commas or blanks, such as
            ``"3-10, 25, A40"``. A letter in front must be the residue's own, one behind is an
            insertion code (``"52A"``). Empty text is no position.

        Returns
        -------
        tuple of int
            0-based positions, ascending, each once.

        Raises
        ------
        ValueError
            If something cannot be read, is not in the chain, or names another residue.
        """
        return self._numbering.positions(text)

    def parse_substitutions(self, text: str) -> dict[int, str]:
        """Read substitutions such as ``"A25G:L30P"``: old letter, chain number, new letter.

        Returns
        -------
        dict of int to str
            New amino acid by 0-based position, ascending.

        Raises
        ------
        ValueError
            If something cannot be read, is not in the chain, or names another residue.
        """
        return self._numbering.substitutions(text)

    def distance_map(self, atom: str = "CB") -> NDArray[np.float64]:
        """Distances between residues in Å, shape (L, L), NaN where unknown.

        See `Structure.distance_map`. Raises ValueError without a structure.
        """
        return self._placed().distance_map(atom)

    def contact_map(self, cutoff: float = 8.0, atom: str = "CB") -> NDArray[np.float64]:
        """Contacts below a distance in Å, shape (L, L): 1, 0, or NaN where unknown.

        See `Structure.contact_map`. Raises ValueError without a structure.
        """
        return self._placed().contact_map(cutoff, atom)

    def _placed(self) -> Structure:
        if self.structure is None:
            raise ValueError(
                f"{self.name!r} has no structure, so its distances are unknown: attach one with "
                "protein.with_structure('file.cif'), or read it with Protein.from_file or "
                "Protein.from_pdb_id"
            )
        return self.structure
