"""Deep mutational scans: measured effects of variants, beside what a model scores."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, spearmanr

from plmwidgets._warn import warn
from plmwidgets.alphabet import AMINO_ACIDS, INDEX
from plmwidgets.methods.mutations.scores import MutationScores
from plmwidgets.methods.mutations.variant_lists import (
    VARIANT_COLUMNS,
    Numbering,
    Substitutions,
    VariantError,
    check_numbering,
    find_column,
    other_numbering,
    parse,
    read_table,
)
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan.start import positions_of

SCORE_COLUMNS: Final = ("DMS_score", "score", "fitness")
LEVEL: Final = 0.95
Predicted = MutationScores | pd.DataFrame | pd.Series | ArrayLike


@dataclass(frozen=True, eq=False)
class DmsComparison:
    """How scores rank variants, beside an experiment.

    Attributes
    ----------
    spearman : float
        Rank correlation, -1 to 1; NaN for fewer than 3 variants, or where all are equal.
    interval : tuple of float
        Its 95 % confidence interval, by Fisher's z with the variance of Bonett and Wright (2000),
        (1 + ρ²/2)/(n - 3); NaN for fewer than 4 variants. It takes the variants for independent,
        which those of one residue are not quite.
    n : int
        Variants that have both numbers.
    table : DataFrame
        Their rows: ``variant``, ``position`` (of a single substitution, else <NA>),
        ``substitutions``, ``measured`` and ``predicted``.
    what : str
        What the predicted scores are.
    """

    spearman: float
    interval: tuple[float, float]
    n: int
    table: pd.DataFrame
    what: str

    def __repr__(self) -> str:
        return f"DmsComparison({self.caption}, {self.what})"

    @property
    def caption(self) -> str:
        """The correlation, its interval and the number of variants, as figures show them."""
        low, high = self.interval
        return f"Spearman {self.spearman:.3f} [{low:.3f}, {high:.3f}], n = {self.n:,}"


class DeepMutationalScan:
    """Measured scores of variants of a protein, each once; `load_dms` reads one from a file.

    Parameters
    ----------
    protein : Protein
    variants : sequence of str
        As people read them, such as ``"A25G:L30P"``, in the chain's own numbers.
    substitutions : sequence
        What each changes, ``((position, amino acid), ...)``, ascending, at least one.
    scores : array_like, shape (n,)
        What was measured, in the experiment's own units; finite.
    name : str
        Of the experiment.
    numbering : {"chain", "sequence"}
        What the numbers of its file count, and those of tables that it is compared with.

    Raises
    ------
    IndexError
        If a position is outside the protein.
    ValueError
        If the lengths differ, an amino acid is none of the twenty, or the numbering is not known.
    """

    def __init__(
        self,
        protein: Protein,
        variants: Sequence[str],
        substitutions: Sequence[Substitutions],
        scores: ArrayLike,
        name: str = "DMS",
        *,
        numbering: Numbering = "chain",
    ) -> None:
        check_numbering(numbering)
        self.protein = protein
        self.variants = tuple(variants)
        self.substitutions = tuple(substitutions)
        self.scores: NDArray[np.float64] = np.array(scores, dtype=np.float64)
        self.name = name
        self.numbering: Numbering = numbering
        count = len(self.variants)
        if len(self.substitutions) != count or self.scores.shape != (count,):
            raise ValueError("give as many substitutions and scores as there are variants")
        sites = {site for changes in self.substitutions for site in changes}
        positions_of(protein, {position for position, _ in sites})
        odd = {letter for _, letter in sites}.difference(AMINO_ACIDS)
        if odd:
            raise ValueError(f"{odd.pop()!r} is none of the amino acids {AMINO_ACIDS}")

    def __len__(self) -> int:
        return len(self.variants)

    def __repr__(self) -> str:
        multiple = sum(len(changes) > 1 for changes in self.substitutions)
        extra = f" ({multiple:,} of several substitutions)" if multiple else ""
        of = f"{self.name!r} of {self.protein.name!r}"
        return f"DeepMutationalScan({of}: {len(self):,} variants{extra})"

    def table(self) -> pd.DataFrame:
        """One row a variant, in the order of the file.

        Returns
        -------
        DataFrame
            ``variant``, ``position`` and ``replacement`` (0-based and letter of a single
            substitution, <NA> of several), ``substitutions`` (how many) and ``measured``.
        """
        single = [changes[0] if len(changes) == 1 else None for changes in self.substitutions]
        return pd.DataFrame(
            {
                "variant": self.variants,
                "position": pd.array([pd.NA if s is None else s[0] for s in single], "Int64"),
                "replacement": pd.array([pd.NA if s is None else s[1] for s in single], "string"),
                "substitutions": [len(changes) for changes in self.substitutions],
                "measured": self.scores,
            }
        )

    def matrix(self) -> pd.DataFrame:
        """Return the scores of single substitutions, (L, 20): NaN where not measured."""
        values = np.full((len(self.protein), len(AMINO_ACIDS)), np.nan)
        for changes, score in zip(self.substitutions, self.scores, strict=True):
            if len(changes) == 1:
                ((position, letter),) = changes
                values[position, INDEX[letter]] = score
        return pd.DataFrame(
            values,
            index=pd.Index(self.protein.residue_labels, name="residue"),
            columns=pd.Index(list(AMINO_ACIDS), name="amino_acid"),
        )

    def compare(self, scores: Predicted, *, numbering: Numbering | None = None) -> DmsComparison:
        """Correlate the ranks of scores with those of the experiment.

        Parameters
        ----------
        scores : MutationScores, DataFrame, Series or array_like
            Scores of all single substitutions, of which the LLRs of several are added up; a table
            with ``variant`` and ``score``, such as `score_variants` returns, or a Series indexed by
            variant, where the scores of a variant that comes several times are averaged, with a
            warning; or one number for each variant, in the order of `table`, as a Series has that
            is numbered from 0.
        numbering : {None, "chain", "sequence"}
            What the numbers in a table of scores count; by default the same as in the experiment's
            file. `variants` and what this package writes itself have those of the chain.

        Raises
        ------
        TypeError
            If the scores are neither.
        VariantError
            If rows of a table do not fit the protein or hold no numbers, as for `load_dms`.
        ValueError
            If the scores are of another protein, their number does not fit, a Series is numbered
            otherwise than from 0, or no variant has both numbers.
        """
        predicted, what = self._predicted(
            scores, self.numbering if numbering is None else numbering
        )
        both = np.isfinite(predicted)
        if not both.any():
            raise ValueError("no variant of the experiment has a score: nothing can be compared")
        table = self.table().assign(predicted=predicted)[both].reset_index(drop=True)
        table = table[["variant", "position", "substitutions", "measured", "predicted"]]
        rho = _spearman(table["measured"].to_numpy(), table["predicted"].to_numpy())
        return DmsComparison(rho, _interval(rho, len(table)), len(table), table, what)

    def chart(self, scores: Predicted, *, numbering: Numbering | None = None) -> Any:
        """Draw measured against predicted scores, linked with the protein's positions.

        Parameters
        ----------
        scores, numbering
            As for `compare`.

        Returns
        -------
        altair.HConcatChart
            See `plmwidgets.charts.dms_scatter`.
        """
        from plmwidgets.charts.mutations import dms_scatter

        return dms_scatter(self.compare(scores, numbering=numbering), self.protein, self.name)

    def _predicted(
        self, scores: Predicted, numbering: Numbering
    ) -> tuple[NDArray[np.float64], str]:
        check_numbering(numbering)
        if isinstance(scores, MutationScores):
            if scores.protein.sequence != self.protein.sequence:
                raise ValueError(
                    f"the scores are of {scores.protein.name!r}, whose sequence differs from that "
                    f"of {self.protein.name!r}"
                )
            sums = [
                sum(scores.log_ratios[position, INDEX[letter]] for position, letter in changes)
                for changes in self.substitutions
            ]
            return np.array(sums, dtype=np.float64), scores.label
        if isinstance(scores, pd.Series) and not scores.index.equals(pd.RangeIndex(len(scores))):
            scores = _by_variant(scores)
        if isinstance(scores, pd.DataFrame):
            return self._looked_up(scores, numbering), "given scores"
        try:
            values = np.asarray(scores, dtype=np.float64)
        except (TypeError, ValueError):
            raise TypeError(
                "scores are MutationScores, a table with the columns variant and score, or a "
                f"number for each variant, not this {type(scores).__name__}: read a file with "
                "pandas.read_csv, and give the table"
            ) from None
        if values.shape != (len(self),):
            raise ValueError(
                f"{self.name} has {len(self):,} variants, so scores must have shape "
                f"({len(self)},), not {values.shape}: give a table with the columns variant and "
                "score to have them looked up"
            )
        return values, "given scores"

    def _looked_up(self, table: pd.DataFrame, numbering: Numbering) -> NDArray[np.float64]:
        told = "the table of scores"
        usual = tuple(dict.fromkeys(("variant", *VARIANT_COLUMNS)))
        remedy = "rename the right one to 'variant', or give the MutationScores themselves"
        variants = find_column(table, None, usual, "variant", told, remedy=remedy)
        score = find_column(table, "score", (), "score", told)
        parsed, values = _read(self.protein, table[variants], table[score], numbering, told)
        means, repeated = _averaged(parsed, values)
        _count(told, repeated, "given several times: their scores are averaged")
        found = [means.get(changes, np.nan) for changes in self.substitutions]
        return np.array(found, dtype=np.float64)


def load_dms(
    source: str | os.PathLike[str] | pd.DataFrame,
    protein: Protein | str,
    *,
    variant_column: str | int | None = None,
    score_column: str | int | None = None,
    numbering: Numbering = "chain",
    name: str | None = None,
) -> DeepMutationalScan:
    """Read a deep mutational scan from a table, such as those of ProteinGym.

    Variants that are measured several times are averaged, and rows that change nothing or have no
    score are left out; a warning counts both.

    Parameters
    ----------
    source : path or DataFrame
        A file (.csv or .tsv, gzipped or not), or a table, with a row a variant.
    protein : Protein or str
        The protein that the variants are of.
    variant_column : str or int, optional
        Column of variants such as ``A25G:L30P``; by default the first of ``mutant``,
        ``mutation``, ``variant``, ``mutations``, ``variants``.
    score_column : str or int, optional
        Column of numbers; by default the first of ``DMS_score``, ``score``, ``fitness``.
    numbering : {"chain", "sequence"}
        What the numbers in variants count: the chain's own numbers, or the residues of the
        sequence from 1, as in ProteinGym. They differ for structures alone.
    name : str, optional
        Of the experiment; the file's by default.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If the source is neither.
    VariantError
        If rows do not fit the protein or hold no numbers: the message names the first ones, its
        ``problems`` all. It is a ValueError.
    ValueError
        If the file cannot be read as a table, lacks the columns, or holds no variant.
    """
    protein = as_protein(protein)
    if isinstance(source, pd.DataFrame):
        table, told, title = source, "the table", "DMS"
    elif not isinstance(source, str | os.PathLike):
        raise TypeError(
            "a deep mutational scan is a file (.csv or .tsv) or a table, not "
            f"{type(source).__name__}"
        )
    else:
        path = Path(source)
        table, told, title = read_table(path), path.name, path.name.split(".")[0]
    variants_in = find_column(table, variant_column, VARIANT_COLUMNS, "variant", told)
    scores_in = find_column(table, score_column, SCORE_COLUMNS, "score", told)
    check_numbering(numbering)
    parsed, values = _read(protein, table[variants_in], table[scores_in], numbering, told)
    return _collected(protein, parsed, values, name or title, numbering)


def _read(
    protein: Protein, variants: pd.Series, scores: pd.Series, numbering: Numbering, source: str
) -> tuple[dict[int, Substitutions], NDArray[np.float64]]:
    """Read both columns; NaN where there is no score. Raises `VariantError` for all else."""
    names = variants.tolist()
    parsed, problems = parse(protein, names, numbering=numbering)
    values = pd.to_numeric(scores, errors="coerce").to_numpy(np.float64)
    stated = scores.notna().to_numpy()
    for k in np.flatnonzero((np.isnan(values) & stated) | np.isinf(values)).tolist():
        if k not in problems:
            told = str(scores.iloc[k])[:40]
            problems[k] = f"row {k + 1}: the score {told!r} is no finite number"
    if problems:
        hint = other_numbering(protein, names, numbering, len(problems))
        raise VariantError(source, [problems[k] for k in sorted(problems)], hint)
    return parsed, values


def _by_variant(scores: pd.Series) -> pd.DataFrame:
    """Return the table of a Series whose labels are variants."""
    if pd.api.types.is_integer_dtype(scores.index):
        raise ValueError(
            f"the rows of these scores are numbered, but not from 0 to {len(scores) - 1}: index "
            "them by variant, or, if they are in the order of the experiment's table(), give their "
            "to_numpy()"
        )
    return pd.DataFrame({"variant": list(scores.index), "score": scores.to_numpy()})


def _averaged(
    parsed: dict[int, Substitutions], values: NDArray[np.float64]
) -> tuple[dict[Substitutions, float], int]:
    """Mean score of each variant that changes something and has one; how many had several."""
    scores: dict[Substitutions, list[float]] = {}
    for k, changes in parsed.items():
        if changes and not np.isnan(values[k]):
            scores.setdefault(changes, []).append(values[k])
    means = {changes: float(np.mean(several)) for changes, several in scores.items()}
    return means, sum(len(several) > 1 for several in scores.values())


def _count(source: str, count: int, what: str) -> None:
    if count:
        warn(f"{source} has {count:,} variant{'s' if count > 1 else ''} {what}")


def _collected(
    protein: Protein,
    parsed: dict[int, Substitutions],
    values: NDArray[np.float64],
    name: str,
    numbering: Numbering,
) -> DeepMutationalScan:
    means, repeated = _averaged(parsed, values)
    synonymous = sum(not changes for changes in parsed.values())
    unscored = sum(bool(changes) and np.isnan(values[k]) for k, changes in parsed.items())
    _count(name, repeated, "measured several times: their scores are averaged")
    _count(name, synonymous, "that change nothing (synonymous): they are left out")
    _count(name, int(unscored), "without a score: they are left out")
    if not means:
        raise ValueError(f"{name} holds no variant with a score")
    labels = protein.residue_labels
    return DeepMutationalScan(
        protein,
        [":".join(labels[position] + letter for position, letter in changes) for changes in means],
        list(means),
        list(means.values()),
        name,
        numbering=numbering,
    )


def _spearman(measured: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    # Of two numbers, or of equal ones, there is no order.
    if len(measured) < 3 or np.ptp(measured) == 0 or np.ptp(predicted) == 0:
        return float("nan")
    return float(spearmanr(measured, predicted).statistic)


def _interval(rho: float, n: int) -> tuple[float, float]:
    """Bonett, D. G. & Wright, T. A. (2000). Psychometrika 65."""
    if n < 4 or np.isnan(rho):
        return float("nan"), float("nan")
    if abs(rho) == 1.0:
        return rho, rho
    half = float(norm.ppf((1 + LEVEL) / 2)) * np.sqrt((1 + rho**2 / 2) / (n - 3))
    return float(np.tanh(np.arctanh(rho) - half)), float(np.tanh(np.arctanh(rho) + half))
