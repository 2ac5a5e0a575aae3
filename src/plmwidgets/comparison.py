"""One protein, several models."""

import os
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

import pandas as pd

from plmwidgets import charts
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan.background import RunsTogether
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.places import inside
from plmwidgets.scan.several import Scans, protein_of, scans_by_model
from plmwidgets.scan.start import scan_pairs
from plmwidgets.widgets.pair_heatmap import PairHeatmap

SUMMARY_COLUMNS: Final = (
    "pairs_computed",
    "pairs_total",
    "reconstruction_accuracy",
    "mean_perplexity",
    "mean_max_perplexity_shift",
    "argmax_change_positions",
    "argmax_change_share",
)


def compare(
    protein: Protein | str,
    models: Iterable[MaskedLM | str] | Mapping[str, MaskedLM | str],
    store: str | os.PathLike[str] | None = None,
    **options: Any,
) -> "Comparison":
    """Scan all pairs of residues of one protein with several models; returns at once.

    The scans run in the background, each on its model's worker. ``comparison.wait()`` blocks until
    all of them end.

    Parameters
    ----------
    protein : Protein or str
    models : iterable of MaskedLM or str, or mapping of str to them
        Loaded models, or what `load_model` takes. A mapping states the names to show.
    store : path or URL, optional
        Folder that keeps every finished block, in a store for each model; the same call goes on
        where it stopped.
    **options
        The other parameters of `scan_pairs`, such as ``positions``, ``method`` and ``precision``,
        for every model.

    Returns
    -------
    Comparison

    Raises
    ------
    ModelError
        If a model cannot be loaded, cannot take the sequence, or has no superposed pass.
    TypeError
        If one model is given instead of a list, or `scan_pairs` has no such option.
    ValueError
        If there is no model, two have one name, or `scan_pairs` refuses the value of an option.

    Examples
    --------
    >>> comparison = compare(Protein.demo(), ["demo", "potts-demo"])    # doctest: +SKIP
    >>> comparison.wait()                                               # doctest: +SKIP
    >>> comparison.summary()                                            # doctest: +SKIP
    """
    protein = as_protein(protein)
    named = _models_by_name(models)
    # Before the first one starts: a scan of hours is not begun for a comparison that fails.
    for model in named.values():
        model.check_sequence(protein.sequence)
    scans: dict[str, PairScan] = {}
    try:
        for name, model in named.items():
            # Quoted, as names of the hub hold slashes.
            place = None if store is None else inside(store, f"{quote(name, safe='')}.zarr")
            scans[name] = scan_pairs(protein, model, place, **options)
    except Exception:
        for scan in scans.values():
            scan.cancel()
        raise
    return Comparison(scans)


class Comparison(RunsTogether):
    """The pair scans of one protein by several models, side by side.

    Parameters
    ----------
    scans : iterable of PairScan, or mapping of str to PairScan
        Of one sequence, running, finished or loaded. A mapping states the names to show;
        otherwise they are those of the models.

    Attributes
    ----------
    scans : dict of str to PairScan
        By name, in the order given.
    protein : Protein
        With its structure, where one of the scans has it.

    Raises
    ------
    TypeError
        If something in it is no pair scan.
    ValueError
        If there is none, two have one name, or they are of different sequences.
    """

    def __init__(self, scans: Scans) -> None:
        self.scans = scans_by_model(scans)
        self.protein = protein_of(self.scans)

    def __repr__(self) -> str:
        count = len(self.scans)
        lines = [f"  {name}: {scan.progress}" for name, scan in self.scans.items()]
        heading = f"Comparison of {count} model{'s' * (count > 1)} on {self.protein.name!r}:"
        return "\n".join([heading, *lines])

    def _runs(self) -> Iterable[PairScan]:
        return self.scans.values()

    def summary(self) -> pd.DataFrame:
        """Return the figures of the models.

        Returns
        -------
        DataFrame
            A row a model; what is not computed is NaN. ``pairs_computed``, ``pairs_total``,
            ``reconstruction_accuracy`` (0 to 1), ``mean_perplexity`` (1 to 20),
            ``mean_max_perplexity_shift`` (mean over i of the largest perplexity change),
            ``argmax_change_positions``, ``argmax_change_share`` (0 to 1) and, with a structure,
            ``contact_precision_L``, ``_L/2`` and ``_L/5`` (0 to 1), as in `PairScan.summary`.
        """
        figures = {name: scan.summary() for name, scan in self.scans.items()}
        precisions = [
            name
            for name in dict.fromkeys(key for row in figures.values() for key in row.index)
            if str(name).startswith("contact_precision")
        ]
        table = pd.DataFrame.from_dict(figures, orient="index")
        table = table.reindex(columns=[*SUMMARY_COLUMNS, *precisions]).infer_objects()
        of_pairs = ["argmax_change_positions", "argmax_change_share", *precisions]
        # Of no pairs, none changes anything: that says nothing about the model.
        table[of_pairs] = table[of_pairs].where(table["pairs_computed"] > 0)
        return table.rename_axis("model")

    def heatmap(self, **options: Any) -> PairHeatmap:
        """Return the map of all models on one scale, with a slider that goes through them.

        Parameters
        ----------
        **options
            Of `PairHeatmap`, such as ``selection=``.
        """
        return PairHeatmap(self.scans, **options)

    def maps(self, metric: str = "js_dist_avg") -> Any:
        """Draw the maps of all models on one colour scale, with a crosshair through all of them.

        Parameters
        ----------
        metric : str
            One of `plmwidgets.metrics.PAIR_METRICS`.

        Returns
        -------
        altair.ConcatChart

        Raises
        ------
        ValueError
            If there is no metric of that name.
        """
        return charts.model_maps(self.scans, metric)

    def chart(self) -> Any:
        """Draw the figures of `summary` as bars; a click on a model singles it out in all panels.

        Returns
        -------
        altair.ConcatChart

        Raises
        ------
        ValueError
            If no pair is computed yet.
        """
        return charts.summary_bars(self.summary(), f"Models on {self.protein.name}")


def _models_by_name(
    models: Iterable[MaskedLM | str] | Mapping[str, MaskedLM | str],
) -> dict[str, MaskedLM]:
    if isinstance(models, str | MaskedLM):
        raise TypeError("expected a list of models, not one: write ['esm2-8m', 'esm2-35m']")
    if isinstance(models, Mapping):
        named = {name: as_model(model) for name, model in models.items()}
    else:
        named = {}
        for given in models:
            model = as_model(given)
            if model.name in named:
                raise ValueError(
                    f"two models are called {model.name!r}: give them names of their own, such as "
                    "{'first': model, 'second': other}"
                )
            named[model.name] = model
    if not named:
        raise ValueError("there is no model to compare: give at least one, such as ['esm2-8m']")
    return named
