"""Reading structure files: PDB, mmCIF and BinaryCIF, parsed by biotite, into one kind of table."""

import gzip
import io
import operator
import warnings
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from plmwidgets._files import require_file
from plmwidgets.structure.numbering import ResidueNumber

if TYPE_CHECKING:
    from biotite.structure import AtomArray

_FORMATS: Final = {
    ".pdb": "PDB",
    ".ent": "PDB",
    ".cif": "mmCIF",
    ".mmcif": "mmCIF",
    ".bcif": "BinaryCIF",
}
STRUCTURE_SUFFIXES: Final = tuple(_FORMATS)
LARGEST: Final = 500 * 10**6
"""Bytes of a file that is read, unpacked: half as much again as the largest entries of the PDB."""
MOST_VALUES: Final = 2 * 10**7
"""In a column of a BinaryCIF file: the largest entries have some million atoms."""
NO_KEY: Final = -(10**9)
"""Key of atoms that have no place in a full sequence; programs write keys below zero too."""


@dataclass(frozen=True, slots=True)
class Monomer:
    """A residue of the full sequence, resolved or not.

    `key` is what the atoms refer to it by (``label_seq_id``; None in PDB files), `names` has
    several entries where the sample was a mixture.
    """

    key: int | None
    names: tuple[str, ...]
    number: ResidueNumber | None


@dataclass(frozen=True, slots=True)
class FileModel:
    """One model of a file.

    `atoms` are its heavy atoms, annotated with altloc_id, occupancy, b_factor, sequence_key
    (`NO_KEY` for none) and `polymer` (False for ligands and solvent, as far as the file's layout
    tells); `constructs` has the full sequence of each chain, where stated.
    """

    source: str
    atoms: "AtomArray"
    constructs: dict[str, list[Monomer]]


class UnreadableFileError(ValueError):
    """The content of a file is not what its name says."""


def suffix_of(path: Path) -> str:
    """Return the ending of a file's name in lower case, looking past a ``.gz``."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def is_structure_file(path: Path) -> bool:
    """Whether the file's name ends as a structure's (``.gz`` may follow)."""
    return suffix_of(path) in _FORMATS


def read_text(path: Path) -> str:
    """Content of a text file, unpacked where it is gzipped."""
    return _content(path).decode("utf-8", errors="replace")


def read_model(path: Path, model: int = 1) -> FileModel:
    """Read one model of a structure file.

    Parameters
    ----------
    path : Path
        PDB, mmCIF or BinaryCIF, possibly gzipped.
    model : int
        Which model, counted from 1 in the file's order.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    UnreadableFileError
        If it cannot be read as a structure (a ValueError).
    ValueError
        If it has another ending, or no such model.
    """
    model = operator.index(model)
    kind = _FORMATS.get(suffix_of(path))
    if kind is None:
        raise ValueError(
            f"{path.name} is not known as a structure file: its name must end in "
            f"{', '.join(_FORMATS)}, or one of these with .gz"
        )
    content = _content(path)
    if not content:
        raise UnreadableFileError(f"{path.name} is empty: fetch or export the structure again")
    read = {"PDB": _read_pdb, "mmCIF": _read_cif, "BinaryCIF": _read_bcif}[kind]
    try:
        with warnings.catch_warnings():
            # biotite tells of elements it guessed from atom names, which is right for proteins.
            warnings.simplefilter("ignore", UserWarning)
            atoms, constructs = read(content, model)
            _check_insertion_codes(atoms, constructs)
    except _UsageError as error:
        raise ValueError(f"{path.name} {error}") from None
    except Exception as error:  # parsers fail in many ways on damaged files
        hint = (
            "it looks like a web page, so the download may have failed"
            if content.lstrip()[:1] == b"<"
            else "the file may be damaged, cut off or of another format"
        )
        raise UnreadableFileError(
            f"{path.name} cannot be read as {kind}: {hint} ({error})"
        ) from error
    usable = np.isfinite(atoms.coord).all(axis=-1) & ~np.isin(atoms.element, ["H", "D"])
    return FileModel(path.name, atoms[usable], constructs)


_Parsed = tuple["AtomArray", dict[str, list[Monomer]]]


class _UsageError(Exception):
    """Something to tell the person; the file's name is put in front."""


def _content(path: Path) -> bytes:
    require_file(path)
    packed = path.suffix.lower() == ".gz"
    try:
        with gzip.open(path) if packed else path.open("rb") as stream:
            # A small gzip file can unpack to more than any memory.
            content: bytes = stream.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        if not packed or isinstance(error, PermissionError):
            raise
        raise UnreadableFileError(
            f"{path.name} cannot be unpacked: it is no gzip file, or is cut off ({error})"
        ) from error
    if len(content) > LARGEST:
        raise UnreadableFileError(
            f"{path.name} holds more than {LARGEST // 10**6:,} MB{' unpacked' * packed}, which no "
            "structure or sequence of one protein needs: cut out the chain or the entry"
        )
    return content


def _read_pdb(content: bytes, model: int) -> _Parsed:
    from biotite.structure.io.pdb import PDBFile

    lines: list[str] = []
    ended: set[str] = set()
    polymer: list[bool] = []
    seqres: dict[str, list[Monomer]] = {}
    models = 0
    for raw in content.decode("utf-8", errors="replace").splitlines():
        record = raw[:6].rstrip()
        if record == "MODEL":
            models += 1
        elif record == "SEQRES":
            monomers = [Monomer(None, (name,), None) for name in raw[19:70].split()]
            seqres.setdefault(raw[11:12].strip(), []).extend(monomers)
        elif models not in (0, model):
            continue
        elif record in ("ATOM", "HETATM"):
            line = raw.ljust(80)
            # Modelling programs leave the last columns out; biotite wants numbers in them.
            occupancy, b_factor = line[54:60].strip() or "1.00", line[60:66].strip() or "0.00"
            # Files from before 1996 have other things in the columns of the element.
            element = line[76:78] if line[76:78].strip().isalpha() else "  "
            lines.append(f"{line[:54]}{occupancy:>6}{b_factor:>6}{line[66:76]}{element}{line[78:]}")
            polymer.append(record == "ATOM" or line[21].strip() not in ended)
        elif record == "TER" and lines:
            ended.add(lines[-1][21].strip())
    _check_model(model, max(models, 1))
    if not lines:
        raise _UsageError("holds no atoms: it is no PDB file, or is cut off before the first one")
    atoms = PDBFile.read(io.StringIO("\n".join(lines))).get_structure(
        model=1, altloc="all", extra_fields=["occupancy", "b_factor"]
    )
    atoms.set_annotation("sequence_key", np.full(len(lines), NO_KEY))
    # A ligand follows the TER record of its chain, or in files without one the last ATOM record.
    is_polymer = np.array(polymer)
    for chain in set(atoms.chain_id.tolist()) - ended:
        is_polymer &= (atoms.chain_id != chain) | _up_to_last_atom(atoms, chain)
    atoms.set_annotation("polymer", is_polymer)
    return atoms, seqres


def _read_cif(content: bytes, model: int) -> _Parsed:
    from biotite.structure.io.pdbx import CIFFile

    text = content.decode("utf-8", errors="replace")
    # A table cut at a line's end reads well. Files that close their tables with a line '#' (those
    # of the databases and most programs) give themselves away.
    lines = text.rstrip().splitlines()
    if "#" in lines and lines[-1] != "#":
        raise _UsageError(
            "is cut off: its last table is not closed by a line '#'. Fetch the file again (if it "
            "is whole, add that line)"
        )
    return _from_blocks(CIFFile.deserialize(text), model)


def _read_bcif(content: bytes, model: int) -> _Parsed:
    import msgpack
    from biotite.structure.io.pdbx import BinaryCIFFile

    tree = msgpack.unpackb(content)
    _check_sizes(tree)
    return _from_blocks(BinaryCIFFile.deserialize(tree), model)


def _check_sizes(node: Any) -> None:
    """Refuse a BinaryCIF file that claims to unpack to tables larger than any structure's.

    A few bytes can stand for a run of any length, and room for it is made before that is seen.
    """
    if isinstance(node, dict):
        sizes = [node[name] for name in ("srcSize", "rowCount") if name in node]
        sizes += [None] if node.get("kind") == "RunLength" and "srcSize" not in node else []
        if not all(isinstance(size, int) and 0 <= size <= MOST_VALUES for size in sizes):
            raise _UsageError(
                f"states a table of {sizes} values, and no structure has more than {MOST_VALUES:,}"
            )
    if isinstance(node, dict | list):
        for part in node.values() if isinstance(node, dict) else node:
            _check_sizes(part)


def _from_blocks(file: Any, model: int) -> _Parsed:
    from biotite.structure import AtomArray

    block = next((block for block in file.values() if "atom_site" in block), None)
    if block is None:
        raise _UsageError("holds no table of atoms (atom_site): it is no structure, or is cut off")
    table = block["atom_site"]

    def column(names: Iterable[str], kind: Any, missing: Any) -> NDArray[Any]:
        for name in names:
            if name in table:
                return np.asarray(table[name].as_array(kind, missing))
        return np.full(table.row_count, missing, dtype=kind)

    models = column(["pdbx_PDB_model_num"], int, 1)
    order = list(dict.fromkeys(models.tolist()))
    _check_model(model, len(order))
    rows = models == order[model - 1]

    atoms = AtomArray(int(rows.sum()))
    atoms.coord = np.stack(
        [np.asarray(table[f"Cartn_{axis}"].as_array(np.float32, np.nan)) for axis in "xyz"], axis=-1
    )[rows]
    key = column(["label_seq_id"], int, NO_KEY)
    annotations = {
        "chain_id": column(["auth_asym_id", "label_asym_id"], str, ""),
        "res_id": column(["auth_seq_id", "label_seq_id"], int, -1),
        "ins_code": _codes(column(["pdbx_PDB_ins_code"], str, "")),
        "res_name": column(["label_comp_id", "auth_comp_id"], str, ""),
        "hetero": column(["group_PDB"], str, "ATOM") == "HETATM",
        "atom_name": column(["label_atom_id", "auth_atom_id"], str, ""),
        "element": np.char.upper(column(["type_symbol"], str, "")),
        "altloc_id": column(["label_alt_id"], str, ""),
        "occupancy": column(["occupancy"], float, 1.0),
        "b_factor": column(["B_iso_or_equiv"], float, 0.0),
        "sequence_key": key,
    }
    for name, values in annotations.items():
        atoms.set_annotation(name, values[rows])
    constructs = _constructs(block, atoms.chain_id, column(["label_entity_id"], str, "")[rows])
    keyed = key != NO_KEY
    if keyed.any() and (constructs or not keyed.all()):
        is_polymer = keyed[rows]
    else:
        # Programs that number waters and ligands too, or nothing, leave the order to tell by.
        is_polymer = np.zeros(len(atoms.chain_id), dtype=bool)
        for chain in set(atoms.chain_id.tolist()):
            is_polymer |= _up_to_last_atom(atoms, chain)
    atoms.set_annotation("polymer", is_polymer)
    return atoms, constructs


def _codes(texts: NDArray[np.str_]) -> NDArray[np.str_]:
    """Return insertion codes; some programs write the signs for none as if they were codes."""
    return np.where(np.isin(texts, [".", "?"]), "", texts)


def _constructs(
    block: Any, chains: NDArray[np.str_], entities: NDArray[np.str_]
) -> dict[str, list[Monomer]]:
    """Full sequence of each chain, with numbers where the file has a scheme for them."""
    found: dict[str, dict[int, Monomer]] = {}

    def add(chain: str, key: int, name: str, number: ResidueNumber | None) -> None:
        monomers = found.setdefault(chain, {})
        names = monomers[key].names if key in monomers else ()
        monomers[key] = Monomer(key, (*names, name), number)

    if "pdbx_poly_seq_scheme" in block and "pdb_strand_id" in block["pdbx_poly_seq_scheme"]:
        scheme = block["pdbx_poly_seq_scheme"]
        keys = scheme["seq_id"].as_array(int).tolist()
        count = len(keys)
        numbers = [""] * count
        codes = [""] * count
        if "pdb_seq_num" in scheme:
            numbers = scheme["pdb_seq_num"].as_array(str, "").tolist()
        if "pdb_ins_code" in scheme:
            codes = _codes(scheme["pdb_ins_code"].as_array(str, "")).tolist()
        names = scheme["mon_id"].as_array(str).tolist()
        strands = scheme["pdb_strand_id"].as_array(str).tolist()
        for chain, key, name, number, code in zip(
            strands, keys, names, numbers, codes, strict=True
        ):
            add(chain, key, name, (int(number), code) if number else None)
    elif "entity_poly_seq" in block:
        sequence = block["entity_poly_seq"]
        rows = list(
            zip(
                sequence["entity_id"].as_array(str).tolist(),
                sequence["num"].as_array(int).tolist(),
                sequence["mon_id"].as_array(str).tolist(),
                strict=True,
            )
        )
        of_entity: dict[str, list[tuple[int, str]]] = {}
        for entity, key, name in rows:
            of_entity.setdefault(entity, []).append((key, name))
        for chain, entity in dict.fromkeys(zip(chains.tolist(), entities.tolist(), strict=True)):
            for key, name in of_entity.get(entity, []):
                add(chain, key, name, None)
    return {chain: [monomers[key] for key in sorted(monomers)] for chain, monomers in found.items()}


def _check_insertion_codes(atoms: "AtomArray", constructs: dict[str, list[Monomer]]) -> None:
    # They become part of the labels, which people type and other programs read.
    codes = set(np.unique(atoms.ins_code).tolist())
    codes |= {m.number[1] for chain in constructs.values() for m in chain if m.number}
    for code in codes:
        if code and not (code.isascii() and code.isalnum() and len(code) <= 4):
            raise _UsageError(
                f"has {code[:40]!r} as an insertion code, which is one letter: mend it"
            )


def _check_model(model: int, count: int) -> None:
    if not 1 <= model <= count:
        has = "one model" if count == 1 else f"{count} models, numbered 1 to {count}"
        raise _UsageError(f"has no model {model}: it holds {has}")


def _up_to_last_atom(atoms: "AtomArray", chain: str) -> NDArray[np.bool_]:
    """Atoms of a chain from its start to its last ATOM record: what follows is no polymer."""
    inside = np.asarray(atoms.chain_id == chain)
    last = np.flatnonzero(inside & ~atoms.hetero)
    return inside & (np.arange(len(inside)) <= (last[-1] if len(last) else -1))
