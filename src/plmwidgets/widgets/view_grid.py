"""Views that belong together, laid out on a page: the base of the ready-made pages."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import ipywidgets
import traitlets as t

from plmwidgets.widgets.view import View


class ViewGrid(ipywidgets.GridBox):
    """Views below each other, some of them side by side where there is room.

    Parameters
    ----------
    views : sequence of View
        From above to below.
    beside : sequence of View
        Those of them that share a line.
    presenter : bool
        Larger type, for a lecture or a shared screen; assignable at any time.
    """

    presenter = t.Bool(False)

    def __init__(
        self, views: Sequence[View], beside: Sequence[View], presenter: bool = False
    ) -> None:
        super().__init__(
            layout=ipywidgets.Layout(
                # Two columns, or one where there is no room for two.
                grid_template_columns="repeat(auto-fit, minmax(min(100%, max(420px, 40%)), 1fr))",
                grid_gap="12px 16px",
                width="100%",
            ),
        )
        self.arrange(views, beside)
        self.presenter = presenter

    def arrange(self, views: Sequence[View], beside: Sequence[View]) -> None:
        """Show these views, instead of those that are shown; parameters as above."""
        self._beside = tuple(beside)
        for view in views:
            view.layout.min_width = "0"
            view.layout.grid_area = None if view in beside else "auto / 1 / auto / -1"
            view.presenter = view.presenter or self.presenter
        self.children = tuple(views)

    @t.observe("presenter")
    def _presenter_changed(self, change: Any) -> None:
        for view in self.children:
            view.presenter = change["new"]

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take nothing of the page: it changes the views, and what holds them is not its business.

        ipywidgets calls it.
        """

    def _display_(self) -> Any:
        # marimo asks for this; it draws anywidgets, but no grid of ipywidgets that holds them.
        import marimo

        rows: list[Any] = []
        for together, some in groupby(self.children, lambda view: view in self._beside):
            row = list(some)
            if together:
                pairs = [row[k : k + 2] for k in range(0, len(row), 2)]  # two columns, as above
                row = [marimo.hstack(pair, widths="equal", gap=1) for pair in pairs]
            rows += row
        return marimo.vstack(rows, gap=1)

    def close(self) -> None:
        """Take all views off the page; work in the background goes on."""
        for view in self.children:
            view.close()
        super().close()
