"""What a notebook shows, told from within its kernel to what writes its page."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import altair as alt
import ipywidgets

from plmwidgets.offline.record import record_of, still_of
from plmwidgets.widgets.explorer import Explorer
from plmwidgets.widgets.view import View

PATIENCE_SECONDS = 60.0
Record = dict[str, Any]


def write_shown(model_ids: Sequence[str], folder: str) -> None:
    """Write what each of these widgets shows now to ``NUMBER.json``; none for those of others.

    Parameters
    ----------
    model_ids : sequence of str
        As the notebook's outputs name them.
    folder : path
    """
    for number, model_id in enumerate(model_ids):
        part = part_of(ipywidgets.widget._instances.get(model_id))
        if part is not None:
            text = json.dumps(part, allow_nan=False)
            (Path(folder) / f"{number}.json").write_text(text, encoding="utf-8")


def part_of(widget: Any) -> Record | None:
    """Return what shows a widget in a page: an explorer live, views as they stand, or a chart.

    None of any other widget. What a view still waits for is waited for.
    """
    if isinstance(widget, alt.JupyterChart):
        return {"chart": widget.chart.to_dict()}
    if isinstance(widget, Explorer):
        settle(widget.live)
        return record_of(widget, singles=True, contexts=widget.recorded)
    views = _views_in(widget)
    for view in views:
        for waiting in (getattr(view, "_live", None), getattr(view, "live", None), view):
            settle(waiting)
    return still_of(views) if views else None


def settle(waiting: Any) -> None:
    """Wait until a view, or what predicts for it, is pending no more."""
    end = time.monotonic() + PATIENCE_SECONDS
    while getattr(waiting, "pending", False) is True and time.monotonic() < end:
        time.sleep(0.02)


def _views_in(widget: Any) -> list[View]:
    if isinstance(widget, View):
        return [widget]
    inside = widget.children if isinstance(widget, ipywidgets.Box) else ()
    return [view for child in inside for view in _views_in(child)]
