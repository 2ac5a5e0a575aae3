"""Quality of what unmasking strategies reveal, against the passes that they take."""

from typing import TYPE_CHECKING, Any

import altair as alt

from plmwidgets.charts.parts import inline, title_of

if TYPE_CHECKING:
    from plmwidgets.methods.unmasking.strategy_comparison import StrategyComparison

# Apart for all kinds of colour vision, on light and on dark (Okabe and Ito, darkened or lightened).
COLOURS = ("#7f7f7f", "#3f85c0", "#2f9e77", "#c9950c", "#8a6bbe", "#d9480f", "#c2588b")


def strategies_chart(comparison: "StrategyComparison") -> Any:
    """Draw the mean score and its 95 % interval over the mean number of passes.

    Parameters
    ----------
    comparison : StrategyComparison

    Returns
    -------
    altair.LayerChart
        x: passes of a trace, on a logarithmic scale; y: the judge's score, or else the model's
        own log-probability; a line a strategy.

    Raises
    ------
    ValueError
        If nothing is computed yet.
    """
    table = comparison.summary()
    if not len(table):
        raise ValueError("nothing is computed yet: wait for it with comparison.wait()")
    labels = list(dict.fromkeys(table["strategy"]))
    score = "score of the judge" if comparison.judged else "log-probability by the model (nats)"
    powers = [2**k for k in range(int(table["passes"].max()).bit_length())]
    base = alt.Chart(inline(table), width=480, height=280).encode(
        x=alt.X(
            "passes:Q",
            title="passes of the model for a sequence",
            scale=alt.Scale(type="log", base=2, nice=False),
            axis=alt.Axis(values=powers),
        ),
        color=alt.Color(
            "strategy:N",
            title="strategy",
            sort=labels,
            scale=alt.Scale(domain=labels, range=[COLOURS[i % 7] for i in range(len(labels))]),
        ),
    )
    zero = alt.Scale(zero=False)
    interval = base.mark_rule(opacity=0.6).encode(
        y=alt.Y("low:Q", title=score, scale=zero), y2="high:Q"
    )
    mean = base.encode(
        y=alt.Y("score:Q", title=score, scale=zero),
        tooltip=[
            "strategy:N",
            "steps:Q",
            "seeds:Q",
            alt.Tooltip("passes:Q", format=".1f"),
            alt.Tooltip("score:Q", format=".2f"),
            alt.Tooltip("low:Q", title="95 % from", format=".2f"),
            alt.Tooltip("high:Q", title="95 % to", format=".2f"),
            alt.Tooltip("identity:Q", format=".1%"),
            alt.Tooltip("diversity:Q", format=".3f"),
        ],
    )
    seeds = int(table["seeds"].max())
    return alt.layer(interval, mean.mark_line(), mean.mark_circle(size=50, opacity=1)).properties(
        title=title_of(
            f"{len(comparison.masked)} hidden residues of {comparison.protein.name} revealed",
            f"mean of {seeds} seeds and its 95 % interval; {comparison.provenance['model']}",
        )
    )
