"""What all figures share: data, colours and titles."""

import re
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
    return alt.Title(
        as_text(text), subtitle=as_text(subtitle), anchor="start", offset=10, subtitleColor=MUTED
    )


def as_text(text: str) -> str:
    """Return text from outside so that it cannot end the script that altair writes it into.

    Altair puts a chart into a page as it is: after ``</script>``, all of a name would be HTML. A
    sign of no width, which keeps words together, stands between what would be read as one.
    """
    return re.sub(r"<(?=[/!])", "<\u2060", text)


def inline(table: pd.DataFrame) -> Any:
    """Give a chart its data as a list: altair refuses tables of more than 5000 rows."""
    rows = table.to_dict("records")
    return alt.InlineData(
        values=[
            {key: as_text(value) if isinstance(value, str) else value for key, value in row.items()}
            for row in rows
        ]
    )


def linked(panels: list[Any], columns: int, title: Any) -> Any:
    """Put panels that share a selection side by side, on one colour scale."""
    with warnings.catch_warnings():
        # Altair warns of what is wanted here: one selection for all of them.
        warnings.filterwarnings("ignore", "Automatically deduplicated", UserWarning)
        chart = alt.concat(*panels, columns=columns, title=title)
    return chart.resolve_scale(color="shared")
