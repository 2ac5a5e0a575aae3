"""Amino-acid sequences as people paste them, and FASTA files."""

from pathlib import Path
from typing import Final

from plmwidgets.alphabet import AMINO_ACIDS, PLACEHOLDERS

FASTA_SUFFIXES: Final = (".fasta", ".fa", ".faa", ".fas")
_ACCEPTED: Final = AMINO_ACIDS + PLACEHOLDERS
_NUCLEOTIDES: Final = frozenset("ACGTUN")
# Shorter peptides of these letters alone exist.
_LEAST_NUCLEOTIDES: Final = 20
_HINTS: Final = {
    "*": "'*' marks a stop codon, remove it",
    "-": "'-' is a gap of an alignment, remove the gaps",
    ".": "'.' is a gap of an alignment, remove the gaps",
    ">": "a FASTA header is no part of the sequence: remove that line, or save the text as a "
    ".fasta file and open it with Protein.from_file",
    "<": "tokens such as <mask> are no part of the sequence: choose what to hide by position",
    "_": "to hide a residue, keep its letter here and mask its position",
    "?": "write X for an unknown residue",
}


def clean_sequence(text: str) -> str:
    """Bring a pasted sequence to upper case without blanks or line breaks, and check it.

    Raises
    ------
    TypeError
        If it is no string.
    ValueError
        If it is empty, or holds a sign that is no amino-acid letter (naming the first one).
    """
    if not isinstance(text, str):
        raise TypeError(
            "the sequence must be a string of one-letter amino-acid codes, such as 'MKTAYIAK', "
            f"not {type(text).__name__}"
        )
    letters = "".join(text.split())
    if not letters:
        raise ValueError("the sequence is empty: give at least one amino-acid letter")
    for position, sign in enumerate(letters, start=1):
        # str.upper turns some signs into two letters: the sign itself is what is looked up.
        if sign not in _ACCEPTED and sign not in _ACCEPTED.lower():
            hint = _HINTS.get(sign, "")
            if sign.isdigit():
                hint = "remove the numbers"
            elif sign == "*" and position == len(letters):
                hint = "the '*' at the end marks a stop codon, remove it"
            raise ValueError(
                f"the sequence holds {sign!r} at position {position} (counted from 1, without "
                f"blanks), which is no amino-acid letter{': ' + hint if hint else ''}. Accepted "
                f"are {AMINO_ACIDS}, and {PLACEHOLDERS} for unknown or rare residues"
            )
    return letters.upper()


def looks_like_nucleotides(sequence: str) -> bool:
    """Whether a sequence is one of DNA or RNA by its letters, all of which are amino acids too."""
    return len(sequence) >= _LEAST_NUCLEOTIDES and _NUCLEOTIDES.issuperset(sequence)


def fasta_entries(path: Path, text: str) -> list[tuple[str, str]]:
    """Cut a FASTA file into entries.

    Parameters
    ----------
    path : Path
        Named in messages.
    text : str
        The file's content.

    Returns
    -------
    list of (str, str)
        Header, without its sign, and letters as they stand there, unchecked.

    Raises
    ------
    ValueError
        If it is no FASTA file, or holds no entry.
    """
    entries: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith(">"):
            entries.append((line[1:].strip(), []))
        elif line.startswith(";") or not line.strip():
            continue
        elif not entries:
            raise ValueError(
                f"{path.name} is no FASTA file: its first line is {line[:40]!r}, but each entry "
                "starts with a line such as '>name'"
            )
        else:
            entries[-1][1].append(line)
    if not entries:
        raise ValueError(f"{path.name} is empty: it holds no FASTA entry")
    return [(header, "".join(lines)) for header, lines in entries]


def entry_name(path: Path, header: str) -> str:
    """Return the name of a FASTA entry: the first word of its header, or else the file's."""
    return header.split(maxsplit=1)[0] if header else path.stem


def read_fasta(path: Path, text: str, entry: int | str | None) -> tuple[str, str]:
    """Choose an entry of a FASTA file.

    Parameters
    ----------
    path : Path
        Named in messages.
    text : str
        The file's content.
    entry : int, str or None
        0-based index (negative from the end), or the entry's name: its first word, a part of it
        between bars (``"P02699"`` in ``"sp|P02699|OPSD_BOVIN"``), or the start of its header.

    Returns
    -------
    name, sequence : str
        First word of the header, and the checked sequence.
    """
    entries = fasta_entries(path, text)
    header, letters = entries[_choose(path, [header for header, _ in entries], entry)]
    name = entry_name(path, header)
    try:
        return name, clean_sequence(letters)
    except ValueError as error:
        raise ValueError(f"entry {name!r} of {path.name}: {error}") from error


def read_all_fasta(path: Path, text: str) -> list[tuple[str, str]]:
    """Read all entries of a FASTA file.

    Parameters
    ----------
    path : Path
        Named in messages.
    text : str
        The file's content.

    Returns
    -------
    list of (str, str)
        Name (the first word of the header) and checked sequence of each.

    Raises
    ------
    ValueError
        If it is no FASTA file, a sequence cannot be read (the first ones are named), or a name
        comes twice.
    """
    found, problems = [], []
    first: dict[str, int] = {}
    for number, (header, letters) in enumerate(fasta_entries(path, text), start=1):
        name = entry_name(path, header)
        try:
            found.append((name, clean_sequence(letters)))
        except ValueError as error:
            problems.append(f"entry {number}, {name!r}: {error}")
        if first.setdefault(name, number) != number:
            problems.append(
                f"entries {first[name]} and {number} are both named {name!r}: give each a name of "
                "its own"
            )
    if problems:
        more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
        raise ValueError(f"{path.name} cannot be read: {'; '.join(problems[:3])}{more}")
    return found


def _choose(path: Path, headers: list[str], entry: int | str | None) -> int:
    names = [header.split()[0] if header else "" for header in headers]
    listing = ", ".join(repr(name) for name in names[:20]) + (" ..." if len(names) > 20 else "")
    if entry is None:
        if len(names) > 1:
            raise ValueError(
                f"{path.name} holds {len(names)} entries: choose one with entry=, by index "
                f"(0 to {len(names) - 1}) or name: {listing}"
            )
        return 0
    if isinstance(entry, int):
        if not -len(names) <= entry < len(names):
            raise ValueError(
                f"{path.name} has no entry {entry}: it holds {len(names)}, with indices 0 to "
                f"{len(names) - 1}: {listing}"
            )
        return entry
    for matches in (
        [i for i, name in enumerate(names) if name == entry],
        [i for i, name in enumerate(names) if entry in name.split("|")],
        [i for i, header in enumerate(headers) if header.startswith(entry)],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            which = ", ".join(f"{names[i]!r} (index {i})" for i in matches[:20])
            raise ValueError(
                f"several entries of {path.name} match {entry!r}: {which}. Give more of the name, "
                "or the index"
            )
    raise ValueError(f"{path.name} has no entry named {entry!r}. It holds: {listing}")
