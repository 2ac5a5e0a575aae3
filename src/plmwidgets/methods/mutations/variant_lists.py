"""Lists of variants as people have them: strings, tables, CSV files; read with all their faults."""

import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

import pandas as pd

from plmwidgets._files import require_file
from plmwidgets._options import choice
from plmwidgets.protein import Protein
from plmwidgets.structure.files import read_text, suffix_of

VARIANT_COLUMNS: Final = ("mutant", "mutation", "variant", "mutations", "variants")
TABLE_SUFFIXES: Final = (".csv", ".tsv")
NAMED_PROBLEMS: Final = 5

Numbering = Literal["chain", "sequence"]
"""What the numbers in variants count: the chain's own, or the residues of the sequence from 1."""

Substitutions = tuple[tuple[int, str], ...]
"""``(position, amino acid)``, ascending by position; none that puts the wild type in."""


class VariantError(ValueError):
    """Variants that do not fit the protein, or cannot be read.

    Attributes
    ----------
    problems : tuple of str
        All of them, in words; the message names the first few.
    """

    def __init__(self, source: str, problems: Sequence[str], hint: str = "") -> None:
        self.problems = tuple(problems)
        shown = "; ".join(self.problems[:NAMED_PROBLEMS])
        left = len(self.problems) - NAMED_PROBLEMS
        more = f"; and {left:,} more (all are in the error's .problems)" if left > 0 else ""
        super().__init__(f"{source}: {shown}{more}{hint}")


@dataclass(frozen=True)
class VariantList:
    """Variants of a protein, in the order given.

    Attributes
    ----------
    names : tuple of str
        As they were written.
    substitutions : tuple
        What each changes; empty for one that changes nothing.
    table : DataFrame or None
        Where they came from, a row each, in the same order.
    """

    names: tuple[str, ...]
    substitutions: tuple[Substitutions, ...]
    table: pd.DataFrame | None = None


def read_variants(
    protein: Protein,
    variants: str | os.PathLike[str] | Iterable[str] | pd.DataFrame,
    column: str | int | None = None,
    numbering: Numbering = "chain",
) -> VariantList:
    """Read variants in any of their forms.

    Parameters
    ----------
    protein : Protein
    variants : str, iterable of str, DataFrame, or path
        One variant such as ``"A25G:L30P"``; several; a table or a file (.csv, .tsv, .gz may
        follow) with a column of them.
    column : str or int, optional
        Name of the column; by default the first of `VARIANT_COLUMNS` that is there.
    numbering : {"chain", "sequence"}

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If a variant is no text, or there are none.
    VariantError
        If variants cannot be read, or name a residue that is not there.
    ValueError
        If the table cannot be read, has no such column, or is empty, or the numbering is not known.
    """
    check_numbering(numbering)
    if isinstance(variants, os.PathLike) or _is_table_name(variants):
        path = Path(variants)  # type: ignore[arg-type]
        return _from_table(protein, read_table(path), column, path.name, numbering)
    if isinstance(variants, pd.DataFrame):
        return _from_table(protein, variants, column, "the table", numbering)
    if column is not None:
        raise ValueError("variant_column= is for tables and files: leave it away here")
    if not isinstance(variants, Iterable):
        raise TypeError(
            "variants are text such as 'A25G', several of them, a table or a file, not "
            f"{type(variants).__name__}"
        )
    names = [variants] if isinstance(variants, str) else list(variants)
    if not all(isinstance(name, str) for name in names):
        raise TypeError("variants are text such as 'A25G' or 'A25G:L30P'")
    if not names:
        raise ValueError("there are no variants: give at least one, such as 'A25G'")
    return _parsed(protein, names, "variants", None, numbering)


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV file, or one with tabs (.tsv); gzipped or not.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is too large, no text, empty, or no table.
    """
    require_file(path)
    if suffix_of(path) not in TABLE_SUFFIXES:
        raise ValueError(
            f"cannot tell what {path.name} is by its name: a table ends in "
            f"{' or '.join(TABLE_SUFFIXES)} (.gz may follow)"
        )
    text = read_text(path)
    if "\x00" in text or text[:4096].count("\ufffd") > 8:
        raise ValueError(f"{path.name} is no text: export the table as CSV in UTF-8")
    try:
        return pd.read_csv(
            io.StringIO(text), sep="\t" if suffix_of(path) == ".tsv" else ",", low_memory=False
        )
    except pd.errors.EmptyDataError:
        raise ValueError(f"{path.name} is empty: it has no column names") from None
    except (pd.errors.ParserError, ValueError, OverflowError) as error:
        raise ValueError(f"{path.name} cannot be read as a table: {error}") from error


def find_column(
    table: pd.DataFrame,
    wanted: str | int | None,
    known: Sequence[str],
    what: str,
    source: str,
    *,
    remedy: str | None = None,
) -> Any:
    """Return the column of this name, or the first of the names that are usual.

    Numbers are names too: those of a table without a heading are. The remedy is what to do without
    such a column; by default to name one, as ``<what>_column=``.

    Raises
    ------
    ValueError
        If it is not there, listing the columns that are.
    """
    there = [str(name) for name in table.columns]
    listed = ", ".join(repr(name[:60]) for name in there[:20]) + (" ..." if len(there) > 20 else "")
    if wanted is not None and str(wanted) not in there:
        raise ValueError(f"{source} has no column {wanted!r}; its columns are {listed}")
    plain = [name.strip().lower() for name in there]
    places = [there.index(str(wanted))] if wanted is not None else []
    places += [plain.index(name.lower()) for name in known if name.lower() in plain]
    if places:
        found = there[places[0]]
        if there.count(found) > 1:
            raise ValueError(f"{source} has several columns called {found!r}: keep one")
        return table.columns[places[0]]
    raise ValueError(
        f"{source} has no column for the {what}s (one called {', '.join(known)}); its columns are "
        f"{listed}: {remedy or f'name the right one with {what}_column=...'}"
    )


def _is_table_name(variants: Any) -> bool:
    return isinstance(variants, str) and suffix_of(Path(variants)) in TABLE_SUFFIXES


def _from_table(
    protein: Protein,
    table: pd.DataFrame,
    column: str | int | None,
    source: str,
    numbering: Numbering,
) -> VariantList:
    if len(table) == 0:
        raise ValueError(f"{source} has no rows")
    chosen = find_column(table, column, VARIANT_COLUMNS, "variant", source)
    return _parsed(protein, table[chosen].tolist(), source, table, numbering)


def _parsed(
    protein: Protein,
    names: list[Any],
    source: str,
    table: pd.DataFrame | None,
    numbering: Numbering,
) -> VariantList:
    item = "variant" if table is None else "row"
    parsed, problems = parse(protein, names, item, numbering)
    if problems:
        hint = other_numbering(protein, names, numbering, len(problems))
        raise VariantError(source, list(problems.values()), hint)
    return VariantList(tuple(map(str, names)), tuple(parsed[k] for k in range(len(names))), table)


def parse(
    protein: Protein, names: Sequence[Any], item: str = "row", numbering: Numbering = "chain"
) -> tuple[dict[int, Substitutions], dict[int, str]]:
    """Read variants one by one; return what was read and what is wrong, by place in the list.

    Parameters
    ----------
    protein : Protein
    names : sequence
        Text, or what stands in its place in a table.
    item : str
        What problems call an entry; counted from 1.
    numbering : {"chain", "sequence"}
    """
    reader = protein if numbering == "chain" else Protein(protein.sequence, protein.name)
    parsed: dict[int, Substitutions] = {}
    problems: dict[int, str] = {}
    for k, name in enumerate(names):
        if not isinstance(name, str) or not name.strip():
            problems[k] = f"{item} {k + 1} names no variant"
            continue
        try:
            changes = reader.parse_substitutions(name)
        except ValueError as error:
            problems[k] = f"{item} {k + 1}: {str(error)[:300]}"
        else:
            parsed[k] = tuple(
                (position, letter)
                for position, letter in changes.items()
                if protein.sequence[position] != letter
            )
    return parsed, problems


def check_numbering(numbering: str) -> None:
    """Raise `ValueError` if there is no such numbering."""
    choice("numbering", numbering, get_args(Numbering))


def other_numbering(
    protein: Protein, names: Sequence[Any], numbering: Numbering, wrong: int
) -> str:
    """Say so if more of the variants fit by the other way of counting; `wrong` do not by this."""
    if protein.residue_labels == Protein(protein.sequence).residue_labels:
        return ""
    other: Numbering = "sequence" if numbering == "chain" else "chain"
    if len(parse(protein, names, numbering=other)[1]) >= wrong:
        return ""
    return f". More of them fit with numbering={other!r}"
