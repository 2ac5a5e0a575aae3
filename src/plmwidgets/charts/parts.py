"""What all figures share: data, colours, titles and the names of models."""

import warnings
from collections.abc import Iterable, Mapping
from typing import Any, Final

import altair as alt
import pandas as pd

from plmwidgets.protein import Protein
from plmwidgets.scan.pair import PairScan

Scans = Iterable[PairScan] | Mapping[str, PairScan]

BAR: Final = "#3f85c0"
ACCENT: Final = "#d9700f"
# Themes colour titles and axes, but neither subtitles nor text marks: this follows the background.
MUTED: Final = alt.ExprRef("luminance(background) < 0.2 ? '#c4c4c4' : '#5a5a5a'")


def scans_by_model(scans: Scans) -> dict[str, PairScan]:
    """Return the scans of one protein by the names of their models, in the order given.

    Parameters
    ----------
    scans : iterable of PairScan, or mapping of str to PairScan
        A mapping states names; otherwise they are those of the models.

    Raises
    ------
    TypeError
        If something in it is no pair scan.
    ValueError
        If there is none, two have one name, or they are of different sequences.
    """
    if isinstance(scans, PairScan):
        raise TypeError("expected a list of scans, not a scan: write [scan]")
    named: dict[str, PairScan] = {}
    for name, scan in (
        scans.items() if isinstance(scans, Mapping) else ((None, scan) for scan in scans)
    ):
        if not isinstance(scan, PairScan):
            raise TypeError(
                f"expected pair scans, not {type(scan).__name__}: make them with scan_pairs or "
                "PairScan.load"
            )
        label = model_of(scan) if name is None else name
        if label in named:
            raise ValueError(
                f"two scans are of a model called {label!r}: give the scans names of their own, "
                "such as {'first': scan, 'second': other}"
            )
        named[label] = scan
    if not named:
        raise ValueError("there is no scan to show: give at least one")
    first, *others = named.values()
    for other in others:
        if other.protein.sequence != first.protein.sequence:
            raise ValueError(
                f"the scans are of different proteins, {first.protein.name!r} and "
                f"{other.protein.name!r}: compare scans of one sequence"
            )
    return named


def model_of(scan: PairScan) -> str:
    """Name of the model that a scan is of."""
    return str(scan.provenance.get("model", "unknown model"))


def protein_of(named: Mapping[str, PairScan]) -> Protein:
    """Return the scans' protein, with its structure where one of the scans has it."""
    proteins = [scan.protein for scan in named.values()]
    return next((protein for protein in proteins if protein.has_structure), proteins[0])


def title_of(text: str, subtitle: str) -> Any:
    """Return a title whose second line is less prominent."""
    return alt.Title(text, subtitle=subtitle, anchor="start", offset=10, subtitleColor=MUTED)


def inline(table: pd.DataFrame) -> Any:
    """Give a chart its data as a list: altair refuses tables of more than 5000 rows."""
    return alt.InlineData(values=table.to_dict("records"))


def linked(panels: list[Any], columns: int, title: Any) -> Any:
    """Put panels that share a selection side by side, on one colour scale."""
    with warnings.catch_warnings():
        # Altair warns of what is wanted here: one selection for all of them.
        warnings.filterwarnings("ignore", "Automatically deduplicated", UserWarning)
        chart = alt.concat(*panels, columns=columns, title=title)
    return chart.resolve_scale(color="shared")
