"""Scores of given variants, also of several substitutions together, and their epistasis."""

import os
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from plmwidgets._options import choice
from plmwidgets.alphabet import INDEX
from plmwidgets.methods.known import Known, Scan
from plmwidgets.methods.mutations.variant_lists import (
    Numbering,
    Substitutions,
    VariantList,
    read_variants,
)
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import Context, MaskedLM, chosen_precision
from plmwidgets.protein import Protein, as_protein
from plmwidgets.service import Priority, service_for

Fill = Literal["mask", "wt", "mutant"]
FILLS: Final[tuple[Fill, ...]] = ("mask", "wt", "mutant")
EPISTASIS_COLUMNS: Final = (
    "additive",
    "mutant_given_others",
    "joint",
    "epistasis",
    "joint_shift",
)
AT_ONCE: Final = 256
Variants = str | os.PathLike[str] | Iterable[str] | pd.DataFrame


def score_variants(
    protein: Protein | str,
    model: MaskedLM | str | None,
    variants: Variants,
    fill: Fill = "mask",
    *,
    scan: Scan | None = None,
    variant_column: str | int | None = None,
    numbering: Numbering = "chain",
) -> pd.DataFrame:
    """Score variants of one or more substitutions by log-likelihood ratios, in nats.

    The score is Σ_t [log p(a_t) - log p(x_t)] over the substituted sites T, each site t hidden,
    where p is the distribution at t. `fill` says what stands at the other sites of T meanwhile:

    ============  =======================  ==============================================
    fill          the other sites          known as
    ============  =======================  ==============================================
    ``"mask"``    hidden as well           masked marginals (Meier et al. 2021)
    ``"wt"``      wild type                additive masked marginals (ProteinGym)
    ``"mutant"``  substituted              each site given the other substitutions
    ============  =======================  ==============================================

    For a single substitution all three are the masked LLR of `mutation_scores`; how they differ
    is in `epistasis`. Interrupting the call (Ctrl-C) stops the model and keeps nothing: cut a long
    list into parts.

    Parameters
    ----------
    protein : Protein or str
    model : MaskedLM or str, or None
        A loaded model, or what `load_model` takes. None with a scan that has all that is asked.
    variants : str, iterable of str, DataFrame, or path
        One variant such as ``"A25G:L30P"`` (old letter, number, new letter); several; a table or
        a file (.csv or .tsv, gzipped or not) with a column of them.
    fill : {"mask", "wt", "mutant"}
    scan : SingleScan or PairScan, optional
        Of this protein by this model. What it has exactly is read and takes no pass: single
        substitutions, ``fill="wt"``, and ``fill="mask"`` of two sites from a pair scan.
    variant_column : str or int, optional
        Of a table or file; by default the first of ``mutant``, ``mutation``, ``variant``,
        ``mutations``, ``variants``.
    numbering : {"chain", "sequence"}
        What the numbers in variants count: the chain's own numbers, or the residues of the
        sequence from 1, as in ProteinGym. They differ for structures alone.

    Returns
    -------
    DataFrame
        A row a variant, in the order given: ``variant``, ``substitutions`` (how many; 0 where it
        is the wild type, which scores 0) and ``score`` (nats; NaN where a site is none of the
        twenty in the wild type). Of a table, all its columns, and the last two.

    Raises
    ------
    ModelError
        If the model cannot take this sequence.
    VariantError
        If variants cannot be read, or name another residue than the protein has: the message
        names the first ones, its ``problems`` all. It is a ValueError.
    ValueError
        If the fill or numbering is not known, the table cannot be used or has columns called as
        those that are added, or the scan does not suffice.

    Examples
    --------
    >>> from plmwidgets import Protein, score_variants
    >>> protein = Protein.demo()
    >>> table = score_variants(protein, "potts-demo", f"{protein.residue_labels[4]}W")
    >>> list(table.columns)
    ['variant', 'substitutions', 'score']
    """
    fill = choice("fill", fill, FILLS)
    protein = as_protein(protein)
    listed = read_variants(protein, variants, variant_column, numbering)
    _check_columns(listed, ("substitutions", "score"))
    values = _scores(protein, model, listed.substitutions, (fill,), scan)[fill]
    return _table(listed).assign(score=values)


def epistasis(
    protein: Protein | str,
    model: MaskedLM | str | None,
    variants: Variants,
    *,
    scan: Scan | None = None,
    variant_column: str | int | None = None,
    numbering: Numbering = "chain",
) -> pd.DataFrame:
    """Compare the scores of variants under the three fills of `score_variants`.

    With A, M and J the scores under ``"wt"``, ``"mutant"`` and ``"mask"``:

    ===================  =========  ===========================================================
    column               formula    meaning
    ===================  =========  ===========================================================
    additive             A          sum of the single substitutions
    mutant_given_others  M          each substitution given the others
    joint                J          each substitution with the other sites hidden
    epistasis            (M - A)/2  what the substitutions do to each other
    joint_shift          J - A      what hiding the other sites does to the scores
    ===================  =========  ===========================================================

    ``epistasis`` is that of a double-mutant cycle: where the conditionals are those of one joint
    distribution P with couplings of pairs alone, as of a Potts model, it equals
    log P(mutant)/P(wild type) - A for any number of sites, and for two sites with any joint
    distribution. A language model's conditionals need not belong to one joint: then it is the mean
    over the two orders in which two substitutions can be made. ``joint_shift`` is 0 where sites do
    not depend on each other; it is no energy of interaction, since the other sites are averaged
    over.

    Parameters
    ----------
    protein, model, variants, scan, variant_column, numbering
        As for `score_variants`.

    Returns
    -------
    DataFrame
        A row a variant: ``variant``, ``substitutions``, and the columns above, in nats. Of a
        table, all its columns and these.

    Raises
    ------
    ModelError, ValueError
        As `score_variants`.
    """
    protein = as_protein(protein)
    listed = read_variants(protein, variants, variant_column, numbering)
    _check_columns(listed, ("substitutions", *EPISTASIS_COLUMNS))
    values = _scores(protein, model, listed.substitutions, FILLS, scan)
    a, m, j = values["wt"], values["mutant"], values["mask"]
    columns = dict(zip(EPISTASIS_COLUMNS, (a, m, j, (m - a) / 2, j - a), strict=True))
    return _table(listed).assign(**columns)


def contexts_of(sequence: str, changes: Substitutions, fill: Fill) -> list[Context]:
    """Return what the model is shown for a variant: one context, or one for each site."""
    sites = tuple(position for position, _ in changes)
    if fill == "mask":
        return [Context(sequence, sites)] if sites else []
    if fill == "wt":
        return [Context(sequence, (site,)) for site in sites]
    return [
        Context(sequence, (site,), tuple(change for change in changes if change[0] != site))
        for site in sites
    ]


def _check_columns(listed: VariantList, added: Sequence[str]) -> None:
    """Raise `ValueError` where a table has columns of these names, which would be lost."""
    there = () if listed.table is None else listed.table.columns
    taken = [repr(name) for name in added if name in there]
    if taken:
        raise ValueError(
            f"the table has columns called {', '.join(taken)} already, which would be replaced: "
            "rename them first, with table.rename(columns={...})"
        )


def _table(listed: VariantList) -> pd.DataFrame:
    counts = [len(changes) for changes in listed.substitutions]
    if listed.table is not None:
        return listed.table.assign(substitutions=counts)
    return pd.DataFrame({"variant": listed.names, "substitutions": counts})


def _scores(
    protein: Protein,
    model: MaskedLM | str | None,
    variants: Sequence[Substitutions],
    fills: Sequence[Fill],
    scan: Scan | None,
) -> dict[Fill, NDArray[np.float64]]:
    if model is None and scan is None:
        raise TypeError("give a model, or a scan to read from")
    model = None if model is None else as_model(model)
    if model is not None:
        model.check_sequence(protein.sequence)
    known = Known(protein, model, scan)
    asked = {
        (changes, fill): contexts_of(protein.sequence, changes, fill)
        for changes in dict.fromkeys(variants)
        for fill in fills
    }
    needed = dict.fromkeys(context for contexts in asked.values() for context in contexts)
    rows: dict[Context, NDArray[np.floating[Any]]] = {}
    for context in needed:
        found = None if context.substitutions else known.rows(context.masked)
        if found is not None:
            rows[context] = found
    missing = [context for context in needed if context not in rows]
    if missing and model is None:
        raise ValueError(
            f"the scan lacks {len(missing):,} of the {len(needed):,} contexts that these variants "
            "need: give the model as well"
        )
    if missing and model is not None:
        rows |= _ask(model, missing, known.precision)
    score = {
        (changes, fill): _ratio(protein, changes, [rows[context] for context in contexts])
        for (changes, fill), contexts in asked.items()
    }
    return {fill: np.array([score[changes, fill] for changes in variants]) for fill in fills}


def _ratio(
    protein: Protein, changes: Substitutions, rows: list[NDArray[np.floating[Any]]]
) -> float:
    """Σ_t log p(a_t) - log p(x_t); a row a site, in one array or in one each."""
    if not changes:
        return 0.0
    values = np.concatenate(rows).astype(np.float64)
    every = np.arange(len(changes))
    wild_type = protein.wild_type[[position for position, _ in changes]]
    if (wild_type < 0).any():
        return float("nan")
    mutant = [INDEX[letter] for _, letter in changes]
    return float((values[every, mutant] - values[every, wild_type]).sum())


def _ask(
    model: MaskedLM, contexts: Sequence[Context], precision: str | None
) -> dict[Context, NDArray[np.floating[Any]]]:
    """Run the model, and return log p at the hidden sites of each context, (k, 20)."""
    service = service_for(model)
    chosen = chosen_precision(model, precision)
    by_sites: dict[int, list[Context]] = {}
    for context in contexts:
        by_sites.setdefault(len(context.masked), []).append(context)
    rows: dict[Context, NDArray[np.floating[Any]]] = {}
    with tqdm(total=len(contexts), unit=" passes", disable=None, desc="variants") as bar:
        for alike in by_sites.values():
            for start in range(0, len(alike), AT_ONCE):
                part = alike[start : start + AT_ONCE]
                wanted = np.array([context.masked for context in part], dtype=np.int64)
                future = service.submit(part, wanted, priority=Priority.VISIBLE, precision=chosen)
                try:
                    values = future.result()
                except KeyboardInterrupt:
                    future.cancel()  # or the model would go on for nobody
                    raise
                rows.update(zip(part, values, strict=True))
                bar.update(len(part))
    return rows
