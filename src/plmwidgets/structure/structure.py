"""A protein chain in space, aligned to a sequence: distances and contacts.

Files are read with biotite. Residues are matched to the sequence by alignment, never by their
numbers, which may start anywhere, skip, and carry insertion codes.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from plmwidgets._options import choice
from plmwidgets._warn import warn
from plmwidgets.structure.alignment import align, identity
from plmwidgets.structure.chains import ChainContent, protein_chains, read_chain
from plmwidgets.structure.files import read_model
from plmwidgets.structure.geometry import beta_carbons, chain_breaks, coordinates_of
from plmwidgets.structure.numbering import ResidueNumber, complete, text_of
from plmwidgets.structure.secondary import Element, secondary_runs, secondary_structure

if TYPE_CHECKING:
    from biotite.structure import AtomArray

MIN_IDENTITY: Final = 0.9
"""Least share of identical letters among the resolved residues that align with a sequence."""

MIN_COVERAGE: Final = 0.5
"""Least share of the resolved residues (or of the sequence, if shorter) that must align."""


@dataclass(frozen=True, eq=False)
class Structure:
    """A protein chain whose residues are placed on a sequence. Read one with `from_file`.

    Attributes
    ----------
    sequence : str
        The L letters that the chain is placed on.
    chain : str
        Chain identifier in the file (the author's).
    numbers : tuple of (int, str)
        Residue number and insertion code at each position, all different.
    observed : str
        Letter seen in the structure at each position, ``"-"`` where it is unresolved.
    atoms : biotite.structure.AtomArray
        Heavy atoms of the chain, read-only, with the annotation ``position`` (0-based position in
        the sequence), ``occupancy`` and ``b_factor``. No ligands, no solvent, one conformer.
    source : str
        Name of the file, or of the model that predicted it.
    predicted : bool
        Whether it is known as a prediction, whose B-factors are pLDDT (0-100).
    """

    sequence: str
    chain: str
    numbers: tuple[ResidueNumber, ...]
    observed: str
    atoms: "AtomArray"
    source: str
    predicted: bool = False

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        *,
        chain: str | None = None,
        model: int = 1,
        sequence: str | None = None,
    ) -> "Structure":
        """Read a protein chain from a PDB, mmCIF or BinaryCIF file, possibly gzipped.

        Parameters
        ----------
        path : str or path-like
        chain : str, optional
            The author's chain identifier. By default the chain that fits `sequence` best, and
            without a sequence the first protein chain, with a warning where there are others.
        model : int
            Which model, counted from 1.
        sequence : str, optional
            What to place the chain on. By default the full sequence that the file states
            (SEQRES and its mmCIF kin), or else that of the resolved residues.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it cannot be read, has no such chain or model, or does not fit the sequence.
        """
        content = read_model(Path(path), model)
        chains = protein_chains(content) if chain is None else [str(chain)]
        if not chains:
            raise ValueError(f"{content.source} holds no protein chain")
        if sequence is not None:
            found = [cls._of(read_chain(content, name), content.source) for name in chains]
            best = max(found, key=lambda structure: structure._fit(sequence).identical)
            return best.align_to(sequence)
        if len(chains) > 1:
            others = ", ".join(repr(name) for name in chains[1:])
            warn(
                f"{content.source} has several protein chains: {chains[0]!r} is taken. For "
                f"another, give chain=, one of {others}"
            )
        return cls._of(read_chain(content, chains[0]), content.source)

    @classmethod
    def _of(cls, content: ChainContent, source: str) -> "Structure":
        numbers = _unique_numbers(content.numbers, content.chain, source)
        return cls(
            content.sequence, content.chain, numbers, content.observed, content.atoms, source
        )

    def __post_init__(self) -> None:
        self.atoms.coord.flags.writeable = False
        for name in self.atoms.get_annotation_categories():
            self.atoms.get_annotation(name).flags.writeable = False

    def __len__(self) -> int:
        return len(self.sequence)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Structure):
            return NotImplemented
        return (
            (self.sequence, self.chain, self.numbers, self.observed)
            == (other.sequence, other.chain, other.numbers, other.observed)
            and np.array_equal(self.ca, other.ca, equal_nan=True)
            and np.array_equal(self.cb, other.cb, equal_nan=True)
        )

    def __hash__(self) -> int:
        return hash((self.sequence, self.chain, self.numbers, self.observed))

    def __repr__(self) -> str:
        return (
            f"<Structure of {len(self)} residues, {int(self.resolved.sum())} resolved: "
            f"chain {self.chain!r} of {self.source}>"
        )

    @cached_property
    def resolved(self) -> NDArray[np.bool_]:
        """Whether each residue is seen in the structure, shape (L,)."""
        return _read_only(np.array([letter != "-" for letter in self.observed]))

    @cached_property
    def ca(self) -> NDArray[np.float64]:
        """Alpha carbons in Å, shape (L, 3), NaN where unresolved."""
        return _read_only(coordinates_of(self.atoms, "CA", len(self)))

    @cached_property
    def cb(self) -> NDArray[np.float64]:
        """Beta carbons in Å, shape (L, 3): as in the file, else rebuilt from N, CA, C; NaN."""
        given = coordinates_of(self.atoms, "CB", len(self))
        n, c = (coordinates_of(self.atoms, name, len(self)) for name in ("N", "C"))
        return _read_only(np.where(np.isnan(given), beta_carbons(n, self.ca, c), given))

    @cached_property
    def b_factors(self) -> NDArray[np.float64]:
        """B-factors of the alpha carbons in Å², shape (L,), NaN where unresolved.

        Predicted structures hold the confidence there instead (pLDDT, 0-100).
        """
        chosen = self.atoms.atom_name == "CA"
        values = np.full(len(self), np.nan)
        values[self.atoms.position[chosen]] = self.atoms.b_factor[chosen]
        return _read_only(values)

    def distance_map(self, atom: str = "CB") -> NDArray[np.float64]:
        """Distances between residues.

        Parameters
        ----------
        atom : {"CB", "CA"}
            Between which atoms.

        Returns
        -------
        ndarray of float64, shape (L, L)
            In Å, symmetric, NaN where a residue has no such atom and it cannot be rebuilt.
        """
        choice("atom", atom, ("CB", "CA"))
        points = self.ca if atom == "CA" else self.cb
        squared = np.zeros((len(points), len(points)))
        for axis in points.T:
            squared += np.subtract.outer(axis, axis) ** 2
        return np.sqrt(squared)

    def contact_map(self, cutoff: float = 8.0, atom: str = "CB") -> NDArray[np.float64]:
        """Which residues touch: distance strictly below the cutoff.

        Parameters
        ----------
        cutoff : float
            In Å, above 0.
        atom : {"CB", "CA"}
            Between which atoms.

        Returns
        -------
        ndarray of float64, shape (L, L)
            1 contact, 0 none, NaN unknown (a residue is unresolved). Residues touch themselves.
        """
        number = isinstance(cutoff, Real) and not isinstance(cutoff, bool)
        if not (number and np.isfinite(cutoff) and cutoff > 0):
            raise ValueError(f"the cutoff must be a distance in Å above 0, not {cutoff!r}")
        distances = self.distance_map(atom)
        return np.where(np.isnan(distances), np.nan, (distances < cutoff).astype(np.float64))

    def elements(self) -> list[Element]:
        """Return the helices and strands, found from the CA trace (P-SEA), by where they start."""
        atoms = self.atoms.copy()
        atoms.set_annotation("res_id", atoms.position.copy())
        atoms.set_annotation("ins_code", np.full(atoms.array_length(), ""))
        runs = secondary_runs(atoms)
        found = [Element("helix", first, last + 1) for first, last in runs["a"]]
        found += [Element("strand", first, last + 1) for first, last in runs["b"]]
        return sorted(found, key=lambda element: element.start)

    def align_to(self, sequence: str) -> "Structure":
        """Place the chain on another sequence, by pairwise alignment.

        Residues outside the sequence, or at the chain's ends with other letters, are dropped.
        Positions without a residue are unresolved, and are numbered on from their neighbours.

        Raises
        ------
        ValueError
            If fewer than half of the residues align, or under 90 % of those are identical.
        """
        if sequence == self.sequence:
            return self
        fit = self._fit(sequence)
        fit.check(self, sequence)
        known: list[ResidueNumber | None] = [None] * len(sequence)
        observed = ["-"] * len(sequence)
        for i, position in enumerate(fit.placed.tolist()):
            if position >= 0:
                known[position] = self.numbers[i]
                observed[position] = self.observed[i]
        atoms = self.atoms[fit.placed[self.atoms.position] >= 0]
        atoms.set_annotation("position", fit.placed[atoms.position])
        numbers = _unique_numbers(known, self.chain, self.source)
        return Structure(
            sequence, self.chain, numbers, "".join(observed), atoms, self.source, self.predicted
        )

    def _fit(self, sequence: str) -> "_Fit":
        letters = "".join(
            seen if seen != "-" else stated
            for seen, stated in zip(self.observed, self.sequence, strict=True)
        )
        placed = align(letters, sequence, chain_breaks(self.atoms, len(self)))
        seen = np.where(self.resolved, placed, -1)
        identical, compared, differing = identity(letters, sequence, seen)
        return _Fit(placed, int((seen >= 0).sum()), identical, compared, differing)

    def to_cif(self) -> str:
        """Write the chain as a minimal mmCIF text for 3D viewers.

        Only the polymer, as chain A and model 1, every residue numbered by its position + 1, so
        that a viewer's residue numbers say which position was clicked.
        """
        from biotite.structure.io.pdbx import CIFCategory, CIFFile, set_structure

        atoms = self.atoms.copy()
        count = atoms.array_length()
        atoms.set_annotation("chain_id", np.full(count, "A"))
        atoms.set_annotation("res_id", atoms.position + 1)
        atoms.set_annotation("ins_code", np.full(count, ""))
        atoms.set_annotation("hetero", np.zeros(count, dtype=bool))
        atoms.box = None
        file = CIFFile()
        set_structure(file, atoms)
        # NGL stops at a file without this table, and draws as cartoon what it says is a peptide.
        names = sorted(set(atoms.res_name.tolist()))
        kinds = ["peptide linking" if name == "GLY" else "L-peptide linking" for name in names]
        file.block["chem_comp"] = CIFCategory({"id": names, "type": kinds})
        for name, category in secondary_structure(atoms).items():
            file.block[name] = category
        return str(file.serialize())


@dataclass(frozen=True, slots=True)
class _Fit:
    """How well the residues of a structure agree with a sequence."""

    placed: NDArray[np.int64]
    aligned: int
    identical: int
    compared: int
    differing: list[tuple[int, int]]

    def check(self, structure: Structure, sequence: str) -> None:
        """Raise if the sequence does not fit; warn of single differences."""
        what = f"chain {structure.chain!r} of {structure.source}"
        possible = min(int(structure.resolved.sum()), len(sequence))
        differences = "; ".join(
            f"position {position + 1} is {sequence[position]} in the sequence and "
            f"{structure.observed[i]}{text_of(structure.numbers[i])} in the structure"
            for i, position in self.differing[:5]
        )
        share = self.identical / self.compared if self.compared else 0.0
        if self.aligned < MIN_COVERAGE * possible:
            raise ValueError(
                f"the sequence does not fit {what}: only {self.aligned} of {possible} residues "
                "can be aligned. Give the structure of this protein, or another chain"
            )
        if share < MIN_IDENTITY:
            raise ValueError(
                f"the sequence does not fit {what}: {share:.1%} of the {self.compared} aligned "
                f"residues are identical, {MIN_IDENTITY:.0%} are needed. First differences: "
                f"{differences}. Give the structure of this protein, or another chain"
            )
        if self.differing:
            warn(
                f"{what} differs from the sequence at {len(self.differing)} of {self.compared} "
                f"residues: {differences}{' ...' if len(self.differing) > 5 else ''}"
            )


def _unique_numbers(
    known: Sequence[ResidueNumber | None], chain: str, source: str
) -> tuple[ResidueNumber, ...]:
    numbers = complete(known)
    if numbers is None:
        warn(
            f"the residue numbers of chain {chain!r} of {source} repeat, or leave no room for "
            f"unresolved residues: the residues are numbered 1 to {len(known)} instead"
        )
        numbers = [(i + 1, "") for i in range(len(known))]
    return tuple(numbers)


def _read_only(values: NDArray[Any]) -> NDArray[Any]:
    values.flags.writeable = False
    return values
