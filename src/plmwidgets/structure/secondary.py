"""Helices and strands, found from the CA trace and written where 3D viewers look for them."""

from itertools import groupby
from typing import Any, Literal, NamedTuple

import numpy as np

MIN_RESIDUES = 3
CELL = 5.2
"""Å; biotite finds contacts in a grid of such cells over the whole chain."""
MOST_CELLS = 10**8
"""Of that grid, at 8 bytes: 2,400 Å in every direction."""


class Element(NamedTuple):
    """A helix or a strand, from `start` to before `stop`, 0-based."""

    kind: Literal["helix", "strand"]
    start: int
    stop: int


def secondary_runs(atoms: Any) -> dict[str, list[tuple[int, int]]]:
    """Return the numbers of the first and the last residue of a chain's helices and strands.

    Parameters
    ----------
    atoms : AtomArray
        One chain. Assigned by P-SEA (Labesse et al., 1997) as biotite implements it.

    Returns
    -------
    dict of str to list of (int, int)
        ``"a"`` for helices, ``"b"`` for strands. None for a chain whose atoms are so far apart
        that its file must be damaged.
    """
    from biotite.structure import annotate_sse, get_residues

    runs: dict[str, list[tuple[int, int]]] = {"a": [], "b": []}
    spread = np.ptp(atoms.coord, axis=0) if len(atoms.coord) else np.zeros(3)
    if np.prod(spread / CELL + 1, dtype=np.float64) > MOST_CELLS:
        return runs
    # Residues whose neighbours are missing are measured across the gap: runs end there.
    numbers, _ = get_residues(atoms)
    labels = annotate_sse(atoms)
    steps = np.cumsum(np.diff(numbers, prepend=numbers[:1]) != 1)
    for (kind, _), group in groupby(
        zip(labels.tolist(), numbers.tolist(), steps.tolist(), strict=True),
        key=lambda residue: (residue[0], residue[2]),
    ):
        members = [number for _, number, _ in group]
        if kind in runs and len(members) >= MIN_RESIDUES:
            runs[kind].append((members[0], members[-1]))
    return runs


def secondary_structure(atoms: Any) -> dict[str, Any]:
    """Return the mmCIF categories that list a chain's helices and strands.

    Viewers have their own assignments, which are poor on models without hydrogens or with
    distorted strands; with these tables all of them draw the same.

    Parameters
    ----------
    atoms : AtomArray
        One chain, its residues numbered as they are written.

    Returns
    -------
    dict of str to CIFCategory
        ``struct_conf`` (helices) and ``struct_sheet_range`` (strands); without any, left out.
    """
    from biotite.structure.io.pdbx import CIFCategory

    runs = secondary_runs(atoms)
    helices, strands = runs["a"], runs["b"]
    categories = {}
    if helices:
        categories["struct_conf"] = CIFCategory(
            {
                "conf_type_id": ["HELX_P"] * len(helices),
                "id": [f"H{k + 1}" for k in range(len(helices))],
                **_ends(helices),
                "pdbx_PDB_helix_class": ["1"] * len(helices),
            }
        )
    if strands:
        categories["struct_sheet_range"] = CIFCategory(
            {
                "sheet_id": ["S"] * len(strands),
                "id": [str(k + 1) for k in range(len(strands))],
                **_ends(strands),
            }
        )
    return categories


def _ends(runs: list[tuple[int, int]]) -> dict[str, list[str]]:
    columns = {}
    for side, k in (("beg", 0), ("end", 1)):
        numbers = [str(run[k]) for run in runs]
        columns[f"{side}_label_asym_id"] = ["A"] * len(runs)
        columns[f"{side}_label_seq_id"] = numbers
        columns[f"{side}_auth_asym_id"] = ["A"] * len(runs)
        columns[f"{side}_auth_seq_id"] = numbers
        columns[f"pdbx_{side}_PDB_ins_code"] = ["?"] * len(runs)
    return columns
