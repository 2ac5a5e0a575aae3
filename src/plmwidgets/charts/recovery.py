"""How much of the contacts of a segment comes back as more of the protein is shown."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import altair as alt
import pandas as pd

from plmwidgets.charts.parts import MUTED, inline, title_of
from plmwidgets.methods.recovery.curves import RECOVERED

if TYPE_CHECKING:
    from plmwidgets.methods.recovery.recoveries import Recoveries
    from plmwidgets.methods.recovery.result import Recovery

# Apart for all kinds of colour vision, on light and on dark.
COLOURS: Final = {"flanking": "#d9700f", "random": "#3f85c0", "random-30": "#8a6bbe"}


def recovery_chart(recoveries: "Recovery | Iterable[Recovery]") -> Any:
    """Draw R over the flank length: the median of the seeds, their quartiles and their range.

    Parameters
    ----------
    recoveries : Recovery or iterable of Recovery
        One, or several of one segment, whose curves are laid over each other: by different
        strategies, which have a colour each, or from different maps, models or ways to draw, which
        have a dash each.

    Returns
    -------
    altair.LayerChart
        x: the flank length k, residues; y: R, with a line at 0.5, above which the segment counts
        as recovered.

    Raises
    ------
    ValueError
        If nothing is computed yet, or the recoveries are of different segments, or two of them
        are alike in all of that.
    """
    from plmwidgets.methods.recovery.result import Recovery

    shown = [recoveries] if isinstance(recoveries, Recovery) else list(recoveries)
    if len({(one.plan.sequence, one.plan.segments) for one in shown}) > 1:
        raise ValueError("these recoveries are of different segments: draw one segment at a time")
    kinds = _kinds(shown)
    series = {(one.plan.strategy, kind) for one, kind in zip(shown, kinds, strict=True)}
    if len(series) < len(shown):
        raise ValueError(
            "two of these recoveries are of the same strategy, map, model and way to draw, and "
            "would be one line: draw one of them at a time"
        )
    tables = [
        one.curve().reset_index().assign(strategy=one.plan.strategy, kind=kind)
        for one, kind in zip(shown, kinds, strict=True)
    ]
    tables = [table for table in tables if len(table)]
    if not tables:
        raise ValueError("nothing is computed yet: wait for it with recovery.wait()")
    first = shown[0]
    sources = dict.fromkeys(f"{one.using} of {_model(one)}" for one in shown)
    base = alt.Chart(inline(pd.concat(tables, ignore_index=True)), width=480, height=260).encode(
        x=_flank(), color=_strategy()
    )
    if any(kinds):
        base = base.encode(detail="kind:N")  # dashes alone do not part the areas
    scale = alt.Scale(domainMin=0, nice=True)
    spread = base.mark_area(opacity=0.15).encode(
        y=alt.Y("low:Q", title="recovery R", scale=scale), y2="high:Q"
    )
    quartiles = base.mark_area(opacity=0.3).encode(y="q25:Q", y2="q75:Q")
    median = base.encode(
        y="median:Q",
        tooltip=[
            "strategy:N",
            *([alt.Tooltip("kind:N", title="from")] if any(kinds) else []),
            alt.Tooltip("k:Q", title="flank length k"),
            alt.Tooltip("median:Q", title="median R", format=".3f"),
            alt.Tooltip("low:Q", title="lowest R", format=".3f"),
            alt.Tooltip("high:Q", title="highest R", format=".3f"),
            alt.Tooltip("seeds:Q"),
            alt.Tooltip("recovered:Q", title="seeds recovered", format=".0%"),
        ],
    )
    # Points of their own: those that a line brings along blank out the legend of its dashes.
    line, points = median.mark_line(strokeWidth=2), median.mark_circle(size=18, opacity=1)
    if any(kinds):
        legend = alt.Legend(symbolType="stroke", symbolSize=400, symbolStrokeColor=MUTED)
        line = line.encode(strokeDash=alt.StrokeDash("kind:N", title=None, legend=legend))
    return alt.layer(spread, quartiles, line, points, *_threshold()).properties(
        title=title_of(
            f"Contact recovery of {first.words}",
            f"{first.protein.name}, {' and '.join(sources)}; "
            "median, quartiles and range of the seeds",
        )
    )


def recovered_fraction_chart(recoveries: "Recoveries") -> Any:
    """Draw the share of segments that are recovered, by flank length and strategy.

    Parameters
    ----------
    recoveries : Recoveries

    Returns
    -------
    altair.Chart
        x: the flank length k, residues; y: share of the segments with median R > 0.5.

    Raises
    ------
    ValueError
        If nothing is computed yet.
    """
    table = recoveries.recovered_fraction()
    if not len(table):
        raise ValueError("nothing is computed yet: wait for it with recoveries.wait()")
    return (
        alt.Chart(inline(table), width=480, height=260)
        .mark_line(point=True, strokeWidth=2)
        .encode(
            x=_flank(),
            y=alt.Y(
                "recovered:Q",
                title="segments recovered",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(format="%"),
            ),
            color=_strategy(),
            tooltip=[
                "strategy:N",
                alt.Tooltip("k:Q", title="flank length k"),
                alt.Tooltip("recovered:Q", format=".0%"),
                alt.Tooltip("segments:Q"),
            ],
        )
        .properties(
            title=title_of(
                "Segments recovered by what is shown",
                f"model {recoveries.provenance.get('model', 'unknown')}, "
                f"{recoveries.provenance['using']}; recovered: median R > {RECOVERED}",
            )
        )
    )


def _kinds(shown: "list[Recovery]") -> list[str]:
    """Name what tells recoveries apart beside their strategy; "" where nothing does."""
    drawn = {one.plan.nested for one in shown if one.plan.strategy != "flanking"}
    several_maps = len({one.using for one in shown}) > 1
    several_models = len({_model(one) for one in shown}) > 1
    kinds = []
    for one in shown:
        parts = [one.using] if several_maps else []
        parts += [_model(one)] if several_models else []
        if len(drawn) > 1 and one.plan.strategy != "flanking":
            parts.append("nested draws" if one.plan.nested else "new draws at each k")
        kinds.append(", ".join(parts))
    return kinds


def _model(recovery: "Recovery") -> str:
    return str(recovery.provenance.get("model", "unknown"))


def _flank() -> Any:
    return alt.X(
        "k:Q",
        title="flank length k (residues on either side, or as many elsewhere)",
        axis=alt.Axis(tickMinStep=1, grid=False),
    )


def _strategy() -> Any:
    scale = alt.Scale(domain=list(COLOURS), range=list(COLOURS.values()))
    return alt.Color("strategy:N", scale=scale, title=None, legend=alt.Legend(symbolOpacity=1))


def _threshold() -> tuple[Any, Any]:
    at = alt.Chart(alt.InlineData(values=[{"r": RECOVERED, "text": "recovered"}])).encode(y="r:Q")
    rule = at.mark_rule(color=MUTED, strokeDash=[4, 3])
    text = at.mark_text(align="right", baseline="bottom", dy=-3, color=MUTED).encode(
        text="text:N", x=alt.value(478)
    )
    return rule, text
