"""Figures as files."""

import os
from pathlib import Path
from typing import Any, Final

from plmwidgets._files import fresh_file

_FORMATS: Final = {".png": "png", ".svg": "svg", ".html": "html"}


def save_chart(chart: Any, path: str | os.PathLike[str], scale: float = 2.0) -> None:
    """Write a figure as PNG, SVG or a page that works without a network.

    Parameters
    ----------
    chart : altair.TopLevelMixin
        Any altair chart.
    path : path
        Ends in ``.png``, ``.svg`` or ``.html``; an existing file is replaced.
    scale : float
        Pixels of a PNG for each one of the chart.

    Raises
    ------
    ImportError
        If vl-convert is not installed, which draws the figures.
    OSError
        If it cannot be written there.
    ValueError
        If the path ends in something else.
    """
    file = Path(path).expanduser()
    form = _FORMATS.get(file.suffix.lower())
    if form is None:
        raise ValueError(f"cannot save a chart as {file.name}: end it in {', '.join(_FORMATS)}")
    try:
        import vl_convert  # noqa: F401 - altair names neither the package nor the extra
    except ImportError as error:
        raise ImportError(
            "saving charts needs vl-convert: install it with pip install 'plmwidgets[lab]'"
        ) from error
    options = {"inline": True} if form == "html" else {"scale_factor": scale}
    with fresh_file(file, replace=True) as fresh:
        chart.save(fresh, format=form, **options)
