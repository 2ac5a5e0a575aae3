"""How much less certain a model is of a residue when another one is hidden as well."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plmwidgets.charts.parts import ACCENT, BAR, inline, title_of
from plmwidgets.metrics import max_perplexity_shift
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.several import model_of


def perplexity_change_histogram(scan: PairScan) -> Any:
    """Draw how the perplexity changes of all ordered pairs are distributed.

    The change at (i, j) is the perplexity of p(i|{i,j}) less that of p(i|{i}), from -19 to 19.

    Parameters
    ----------
    scan : PairScan

    Returns
    -------
    altair.LayerChart
        Numbers of ordered pairs, on an axis that is logarithmic from 1 on; a line marks no change.

    Raises
    ------
    ValueError
        If no pair is computed yet.
    """
    chart = _histogram(
        scan.values("perplexity_change"), "perplexity change of residue i (effective choices)", True
    )
    return chart.properties(title=_title("Perplexity change by ordered pair (i, j)", scan))


def max_perplexity_change_histogram(scan: PairScan) -> Any:
    """Draw how the largest perplexity changes are distributed over the positions.

    Parameters
    ----------
    scan : PairScan

    Returns
    -------
    altair.LayerChart
        Numbers of positions i by the maximum over j of the perplexity change at (i, j).

    Raises
    ------
    ValueError
        If no pair is computed yet.
    """
    chart = _histogram(
        max_perplexity_shift(scan.values("perplexity_change")),
        "largest perplexity change of residue i (effective choices)",
        False,
    )
    return chart.properties(title=_title("Largest perplexity change by position i", scan))


def _title(text: str, scan: PairScan) -> Any:
    return title_of(text, f"{scan.protein.name}, model {model_of(scan)}")


def _histogram(values: NDArray[np.float64], axis: str, pairs: bool) -> Any:
    # Counted here: a protein of 363 residues has 131,406 ordered pairs.
    known = values[np.isfinite(values)]
    if not known.size:
        raise ValueError("no pair is computed yet: start the scan, or wait for it with scan.wait()")
    edges = _edges(known, 50 if pairs else 25)
    counts, _ = np.histogram(known, edges)
    table = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "count": counts})
    what = "ordered pairs" if pairs else "positions"
    top = int(counts.max())
    decades = [0, *(10**k for k in range(len(str(top)) + 1) if 10**k <= top)]
    bars = (
        alt.Chart(inline(table[table["count"] > 0]), width=480, height=240)
        .mark_bar(color=BAR, binSpacing=1)
        .encode(
            x=alt.X("from:Q", bin="binned", title=axis, axis=alt.Axis(tickCount=10, grid=False)),
            x2="to:Q",
            y=alt.Y(
                "count:Q",
                title=f"{what} (logarithmic)" if pairs else what,
                scale=alt.Scale(type="symlog") if pairs else alt.Scale(),
                axis=alt.Axis(values=decades) if pairs else alt.Axis(tickMinStep=1),
            ),
            tooltip=[
                alt.Tooltip("from:Q", format=".3~f"),
                alt.Tooltip("to:Q", format=".3~f"),
                alt.Tooltip("count:Q", title=what, format=","),
            ],
        )
    )
    zero = alt.Chart(alt.InlineData(values=[{"zero": 0}])).mark_rule(
        color=ACCENT, strokeDash=[4, 3]
    )
    return bars + zero.encode(x=alt.X("zero:Q"))


def _edges(values: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Return edges of about so many bins, of a round width, with zero among them."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    rough = max(high - low, 1e-6) / bins
    decade = 10.0 ** np.floor(np.log10(rough))
    width = decade * next(f for f in (1, 2, 5, 10) if f * decade >= rough * (1 - 1e-9))
    # A little beyond the values, which rounding could otherwise leave outside.
    first, last = np.floor(low / width - 1e-9), np.ceil(high / width + 1e-9)
    return np.asarray(np.arange(first, last + 1) * width)
