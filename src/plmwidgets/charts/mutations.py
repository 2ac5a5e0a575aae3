"""Measured effects of variants against scores of a model."""

from typing import TYPE_CHECKING, Any, Final

import altair as alt
import numpy as np

from plmwidgets.charts.parts import ACCENT, BAR, inline, title_of
from plmwidgets.protein import Protein

if TYPE_CHECKING:
    from plmwidgets.methods.mutations.deep_mutational_scan import DmsComparison

MOST_POINTS: Final = 5000


def dms_scatter(comparison: "DmsComparison", protein: Protein, name: str = "DMS") -> Any:
    """Draw measured against predicted scores beside the mean measured score of each residue.

    Brushing either panel shows in the other which variants or residues it holds.

    Parameters
    ----------
    comparison : DmsComparison
    protein : Protein
    name : str
        Of the experiment.

    Returns
    -------
    altair.HConcatChart
        All single substitutions are drawn, from which the means and counts of residues are. With
        more than 5,000 variants in all, those of several substitutions are thinned to that number
        at random; the subtitle says so, and its correlation is of all.
    """
    table = comparison.table.assign(position=comparison.table["position"].astype(float))
    drawn = table
    if len(table) > MOST_POINTS:
        # A mean of some of a residue's variants would pass for that of all.
        several = table[table["substitutions"] > 1]
        room = max(MOST_POINTS - (len(table) - len(several)), 0)
        left_out = several.sample(max(len(several) - room, 0), random_state=0).index
        drawn = table.drop(left_out)
    labels = np.array([*protein.residue_labels, "several"], dtype=object)
    places = drawn["position"].fillna(len(protein)).astype(int).to_numpy()
    drawn = drawn.assign(residue=labels[places])
    drawn = drawn.astype(object).where(drawn.notna(), None)
    brush = alt.selection_interval(name="variants", encodings=["x", "y"])
    along = alt.selection_interval(name="residues", encodings=["x"])
    points = (
        alt.Chart(inline(drawn), width=320, height=320)
        .mark_circle(size=28)
        .encode(
            x=alt.X("predicted:Q", title=comparison.what, scale=alt.Scale(zero=False)),
            y=alt.Y("measured:Q", title=f"measured, {name}", scale=alt.Scale(zero=False)),
            color=alt.condition(brush, alt.value(BAR), alt.value(ACCENT)),
            opacity=alt.condition(along, alt.value(0.75), alt.value(0.06)),
            tooltip=[
                alt.Tooltip("variant:N"),
                alt.Tooltip("measured:Q", format=".3f"),
                alt.Tooltip("predicted:Q", format=".3f"),
            ],
        )
        .add_params(brush)
    )
    subtitle = comparison.caption
    if len(drawn) < len(table):
        subtitle += f"; {len(drawn):,} of them drawn"
    return alt.hconcat(
        points,
        _residues(inline(drawn[drawn["substitutions"] == 1]), brush, along, len(protein)),
        title=title_of(f"{name}, {protein.name}", subtitle),
    )


def _residues(data: Any, brush: Any, along: Any, length: int) -> Any:
    return (
        alt.Chart(data, width=420, height=320)
        .mark_circle(size=36, color=BAR)
        .encode(
            x=alt.X(
                "position:Q",
                title="position (0-based)",
                scale=alt.Scale(domain=[-1, length], nice=False),
            ),
            y=alt.Y("mean(measured):Q", title="mean measured", scale=alt.Scale(zero=False)),
            opacity=alt.condition(along, alt.value(1.0), alt.value(0.3)),
            tooltip=[
                alt.Tooltip("residue:N"),
                alt.Tooltip("mean(measured):Q", format=".3f"),
                alt.Tooltip("mean(predicted):Q", format=".3f"),
                alt.Tooltip("count():Q", title="variants"),
            ],
        )
        .transform_filter(brush)
        .add_params(along)
    )
