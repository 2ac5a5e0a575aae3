"""What all figures share: data, colours and titles."""

import warnings
from typing import Any, Final

import altair as alt
import pandas as pd

BAR: Final = "#3f85c0"
ACCENT: Final = "#d9700f"
# Themes colour titles and axes, but neither subtitles nor text marks: this follows the background.
MUTED: Final = alt.ExprRef("luminance(background) < 0.2 ? '#c4c4c4' : '#5a5a5a'")


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
