"""The proteins of a file, each with a name that is safe as a file's, for the command line."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from plmwidgets._files import require_file
from plmwidgets.protein import Protein
from plmwidgets.sequences import FASTA_SUFFIXES, entry_name, fasta_entries
from plmwidgets.structure.files import read_text, suffix_of

LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Record:
    """A protein still to be read.

    Attributes
    ----------
    name : str
        Of letters, digits, dots, dashes and underscores; differs from those of the other records.
    read : callable
        Returns the protein; raises ValueError where it cannot be read.
    """

    name: str
    read: Callable[[], Protein]


def records_of(path: Path, record: str | None, chain: str | None) -> list[Record]:
    """List the proteins of a file.

    Parameters
    ----------
    path : Path
        FASTA, or a structure.
    record : str, optional
        FASTA: only this entry, by name or 0-based index.
    chain : str, optional
        Structure: which chain.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or what is asked for is not in it.
    """
    require_file(path)
    if suffix_of(path) not in FASTA_SUFFIXES or record is not None or chain is not None:
        entry = int(record) if record is not None and record.isdecimal() else record
        protein = Protein.from_file(path, entry=entry, chain=chain)
        return [Record(safe_names([protein.name])[0], lambda: protein)]
    entries = fasta_entries(path, read_text(path))
    names = [entry_name(path, header) for header, _ in entries]

    def reader(name: str, letters: str) -> Callable[[], Protein]:
        return lambda: Protein(letters, name=name)

    return [
        Record(safe, reader(name, letters))
        for safe, name, (_, letters) in zip(safe_names(names), names, entries, strict=True)
    ]


def safe_names(names: Sequence[str]) -> list[str]:
    """Return a name for a file for each of some names, which may hold anything.

    The same names in the same order give the same: a scan is resumed by them. They differ in any
    case of letters, as some file systems do not tell upper from lower.
    """
    return list(_distinct(names))


def _distinct(names: Sequence[str]) -> Iterator[str]:
    taken: set[str] = set()
    for name in names:
        # No dot in front: neither a hidden file nor a way out of the folder.
        plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._-")[:LONGEST_NAME] or "protein"
        safe, count = plain, 1
        while safe.lower() in taken:
            count += 1
            safe = f"{plain}.{count}"
        taken.add(safe.lower())
        yield safe


def part_of(records: Sequence[Record], part: str | None) -> list[Record]:
    """Return a share of the records, such as the third of sixteen for ``"3/16"``.

    Neighbours go to different parts: files are often sorted by length, and time grows with it.

    Raises
    ------
    ValueError
        If it is no such share.
    """
    if part is None:
        return list(records)
    match = re.fullmatch(r"(\d+)/(\d+)", part)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ValueError(f"--part {part!r} is no share: write --part 3/16 for the third of sixteen")
    return list(records[int(match[1]) - 1 :: int(match[2])])
