"""Figures with one row a model."""

from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from plmwidgets.charts.parts import ACCENT, BAR, MUTED, as_text, inline, linked, title_of
from plmwidgets.metrics import argmax_change_positions
from plmwidgets.scan.several import Scans, protein_of, scans_by_model

_ROW: Final = 30  # pixels a model
_GOLDEN: Final = 0.6180339887498949

# figure: (title, title of the axis, format, end of the axis); those of `PairScan.summary`
FIGURES: Final = {
    "reconstruction_accuracy": ("Reconstruction accuracy", "share of residues", ".0%", 1),
    "mean_perplexity": ("Mean perplexity", "effective choices, 1 to 20", ".2f", 20),
    "mean_max_perplexity_shift": ("Mean of max perplexity shift", "effective choices", ".2f", None),
    "argmax_change_share": ("Argmax changes", "share of positions", ".0%", 1),
    "contact_precision_L": ("Contacts among the best L", "share of pairs", ".0%", 1),
    "contact_precision_L/2": ("Contacts among the best L/2", "share of pairs", ".0%", 1),
    "contact_precision_L/5": ("Contacts among the best L/5", "share of pairs", ".0%", 1),
}


def reconstruction_accuracy(scans: Scans) -> Any:
    """Draw the share of residues that each model puts first at their own hidden position.

    Parameters
    ----------
    scans : iterable of PairScan, or mapping of str to PairScan
        Of one protein; a mapping states the names of the models.

    Returns
    -------
    altair.LayerChart
        A bar a model, 0 to 1.

    Raises
    ------
    ValueError
        If there is no scan, or they do not go together.
    """
    named = scans_by_model(scans)
    table = pd.DataFrame(
        {
            "model": list(named),
            "share": [
                None if scan.single is None else scan.single.reconstruction_accuracy
                for scan in named.values()
            ],
        }
    )
    return _share_bars(
        table, "residues that are the likeliest at their hidden position"
    ).properties(title=title_of("Reconstruction accuracy", protein_of(named).name))


def argmax_change_bars(scans: Scans) -> Any:
    """Draw at how many positions hiding one other residue changes the likeliest one.

    Parameters
    ----------
    scans : iterable of PairScan, or mapping of str to PairScan
        Of one protein; a mapping states the names of the models.

    Returns
    -------
    altair.LayerChart
        A bar a model: the share, 0 to 1, of the L positions with at least one such partner.

    Raises
    ------
    ValueError
        If there is no scan, or they do not go together.
    """
    named = scans_by_model(scans)
    protein = protein_of(named)
    named = {name: scan for name, scan in named.items() if scan.pairs_computed}
    counts = [len(argmax_change_positions(s.values("argmax_change"))) for s in named.values()]
    table = pd.DataFrame(
        {
            "model": list(named),
            "share": [count / len(protein) for count in counts],
            "positions": [f"{count} of {len(protein)}" for count in counts],
        }
    )
    return _share_bars(
        table, "positions with a partner that changes the likeliest residue"
    ).properties(title=title_of("Changes of the likeliest residue", protein.name))


def perplexity_by_model(scans: Scans) -> Any:
    """Draw how the perplexities of p(i|{i}) are distributed over the positions, by model.

    Parameters
    ----------
    scans : iterable of PairScan, or mapping of str to PairScan
        Of one protein; a mapping states the names of the models.

    Returns
    -------
    altair.LayerChart
        A dot a position, from 1 to 20, and a box from quartile to quartile with the median.

    Raises
    ------
    ValueError
        If there is no scan, or they do not go together.
    """
    named = scans_by_model(scans)
    protein = protein_of(named)
    tables = [
        pd.DataFrame(
            {
                "model": name,
                "residue": list(protein.residue_labels),
                "perplexity": scan.single.perplexity,
                # Evenly spread and the same every time, unlike random numbers.
                "height": (np.arange(len(protein)) * _GOLDEN) % 1.0,
            }
        )
        for name, scan in named.items()
        if scan.single is not None
    ]
    columns = ["model", "residue", "perplexity", "height"]
    table = pd.concat(tables) if tables else pd.DataFrame(columns=columns)
    base = alt.Chart(inline(table), height=alt.Step(2 * _ROW), width=480).encode(
        x=alt.X(
            "perplexity:Q",
            title="perplexity of the hidden residue (effective choices)",
            scale=alt.Scale(domain=[1, 20]),
            axis=alt.Axis(values=[1, 5, 10, 15, 20]),
        ),
        y=_models(list(named)),
    )
    dots = base.mark_circle(size=28, opacity=0.7, color=BAR).encode(
        yOffset=alt.YOffset("height:Q", scale=alt.Scale(domain=[-0.3, 1.3])),
        tooltip=["model:N", "residue:N", alt.Tooltip("perplexity:Q", format=".2f")],
    )
    boxes = base.mark_boxplot(
        size=_ROW,
        outliers=False,
        box={"fillOpacity": 0, "stroke": MUTED, "strokeWidth": 1.5},
        median={"color": ACCENT, "thickness": 3},
        rule={"color": MUTED},
        ticks=False,
    )
    # The dots on top: those within a box are to be pointed at as well.
    return (boxes + dots).properties(
        title=title_of("Perplexity of each residue, masked alone", protein.name)
    )


def summary_bars(summary: pd.DataFrame, title: str) -> Any:
    """Draw the figures of several models, each in a panel; a click singles a model out in all.

    Parameters
    ----------
    summary : DataFrame
        A row a model, by name, as `Comparison.summary` returns it.
    title : str

    Returns
    -------
    altair.ConcatChart
        Shift and click adds a model to those singled out, a double click shows all again.

    Raises
    ------
    ValueError
        If no pair is computed yet.
    """
    if not summary["pairs_computed"].any():
        raise ValueError("nothing is computed yet: wait for the scans with comparison.wait()")
    chosen = alt.selection_point(name="models", fields=["model"])
    panels = []
    for name, (heading, axis, form, end) in FIGURES.items():
        if name not in summary or summary[name].isna().all():
            continue
        table = pd.DataFrame({"model": summary.index, "value": summary[name].to_numpy(float)})
        panel = _bars(
            table.dropna(),
            list(summary.index),
            "value",
            axis=axis,
            form=form,
            end=end,
            chosen=chosen,
        )
        panels.append(panel.properties(title=alt.Title(heading, anchor="start"), width=220))
    return linked(panels, 2, title_of(title, "click a row to single a model out"))


def _share_bars(table: pd.DataFrame, axis: str) -> Any:
    models = list(table["model"])
    known = table.dropna(subset="share")
    return _bars(known, models, "share", axis=axis, form=".0%", end=1).properties(width=480)


def _bars(
    table: pd.DataFrame,
    models: list[str],
    field: str,
    *,
    axis: str,
    form: str,
    end: float | None,
    chosen: Any = None,
) -> Any:
    """Draw a bar a model with its value behind it; other columns appear in the tooltip."""
    extra = [f"{name}:N" for name in table.columns if name not in ("model", field)]
    base = alt.Chart(inline(table), height=alt.Step(_ROW)).encode(
        x=alt.X(
            f"{field}:Q",
            title=axis,
            axis=alt.Axis(format="%" if form.endswith("%") else "~g", tickCount=5),
            scale=alt.Scale(
                domainMin=0, domainMax=alt.Undefined if end is None else end, nice=True
            ),
        ),
        y=_models(models),
        tooltip=["model:N", alt.Tooltip(f"{field}:Q", format=form, title=axis), *extra],
    )
    bars = base.mark_bar(color=BAR, height=alt.RelativeBandSize(0.7))
    text = base.mark_text(color=MUTED, align="left", dx=4).encode(
        text=alt.Text(f"{field}:Q", format=form)
    )
    if chosen is None:
        return bars + text
    # A click anywhere in a row counts: bars of small values are hard to hit.
    rows = base.mark_rect(opacity=0).encode(x=alt.value(0), x2=alt.value("width"))
    shade = alt.when(chosen).then(alt.value(1.0)).otherwise(alt.value(0.25))
    return bars.encode(opacity=shade) + text.encode(opacity=shade) + rows.add_params(chosen)


def _models(models: list[str]) -> Any:
    return alt.Y(
        "model:N", title=None, sort=None, scale=alt.Scale(domain=[as_text(name) for name in models])
    )
