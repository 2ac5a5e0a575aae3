"""Measured effects of variants against scores: a cloud whose points are substitutions."""

from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd
import traitlets as t

from plmwidgets._options import result_of
from plmwidgets.alphabet import INDEX
from plmwidgets.methods.mutations.deep_mutational_scan import (
    DeepMutationalScan,
    DmsComparison,
    Predicted,
)
from plmwidgets.methods.mutations.scores import MutationScores, is_finished
from plmwidgets.methods.mutations.variant_lists import Numbering
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.throttle import Throttle
from plmwidgets.widgets.view import View, bundle, envelope

MOST_POINTS: Final = 50_000
REDRAW_SECONDS: Final = 0.5


class ScatterPlot(View):
    """A point a variant; a click makes its substitutions, or takes them back.

    Pointing at a point shows its residues in the other views, and its cell in a `MutationHeatmap`
    on the page; what is pointed at there is marked here.

    Parameters
    ----------
    dms : DeepMutationalScan
    scores : MutationScores, DataFrame, Series or array_like
        As for `DeepMutationalScan.compare`; the plot follows scores that are being computed.
    numbering : {None, "chain", "sequence"}
        Of a table of scores, as for `DeepMutationalScan.compare`.
    selection : Selection, optional
        Shared with other views; its own by default.
    presenter : bool
        Larger type.

    Attributes
    ----------
    comparison : DmsComparison or None
        Of what is shown; None while no variant has a score.

    Raises
    ------
    TypeError, ValueError
        If it is no experiment, or as `DeepMutationalScan.compare`.
    """

    _bundle = t.Unicode(bundle("scatter_plot"), read_only=True).tag(sync=True)
    points = t.Dict(None, allow_none=True, read_only=True).tag(sync=True)
    x_label = t.Unicode(read_only=True).tag(sync=True)
    y_label = t.Unicode(read_only=True).tag(sync=True)
    caption = t.Unicode(read_only=True).tag(sync=True)

    def __init__(
        self,
        dms: DeepMutationalScan,
        scores: Predicted,
        *,
        numbering: Numbering | None = None,
        selection: Selection | None = None,
        presenter: bool = False,
    ) -> None:
        self.dms = result_of("load_dms", dms, DeepMutationalScan, "ScatterPlot")
        self.comparison: DmsComparison | None = None
        self._scores: Predicted = scores
        self._label: str | None = None
        self._numbering = numbering
        self._unfollow: Callable[[], None] = lambda: None
        super().__init__(dms.protein, selection, presenter=presenter)
        self.set_trait("y_label", f"measured, {dms.name}")
        self._refresh = Throttle(self._show, REDRAW_SECONDS)
        self._at_close.append(self._stop_following)
        self.show_scores(scores, numbering=numbering)

    def show_scores(
        self, scores: Predicted, *, numbering: Numbering | None = None, label: str | None = None
    ) -> None:
        """Show other scores of the same experiment.

        Parameters
        ----------
        scores, numbering
            As above.
        label : str, optional
            What they are, such as with the name of their model.

        Raises
        ------
        ValueError
            As `DeepMutationalScan.compare`, unless they are only not computed yet.
        """
        self._stop_following()
        self._unfollow = lambda: None
        self._scores = scores
        self._label = label
        self._numbering = numbering
        if isinstance(scores, MutationScores):
            self._unfollow = scores.subscribe(self._refresh)
        self._refresh.now()

    def to_pandas(self) -> pd.DataFrame:
        """Return what is shown, a row a variant, as ``DmsComparison.table``.

        Raises
        ------
        RuntimeError
            If nothing is computed yet.
        """
        if self.comparison is None:
            raise RuntimeError("there are no scores yet: wait until some are computed")
        return self.comparison.table.copy()

    def _stop_following(self) -> None:
        self._unfollow()

    def _show(self) -> None:
        scores = self._scores
        coming = isinstance(scores, MutationScores) and not is_finished(scores)
        try:
            # Half computed, scores are compared over what is there.
            comparison = self.comparison = self.dms.compare(scores, numbering=self._numbering)
        except ValueError:
            if not coming:
                raise
            self.comparison = None
            self._tell_nothing(scores)
            return
        caption, table = comparison.caption, comparison.table
        if len(table) > MOST_POINTS:
            table = table.sample(MOST_POINTS, random_state=0)
            caption += f"; {MOST_POINTS:,} of them drawn"
        changes = dict(zip(self.dms.variants, self.dms.substitutions, strict=True))
        drawn = [changes[variant] for variant in table["variant"]]
        sites = [(position, INDEX[letter]) for some in drawn for position, letter in some]
        with self.hold_sync():
            self.set_trait("x_label", self._label or comparison.what)
            self.set_trait("caption", caption)
            self.set_trait(
                "points",
                {
                    "x": envelope(table["predicted"].to_numpy()),
                    "y": envelope(table["measured"].to_numpy()),
                    # (position, column of the letter) of all substitutions, and where each
                    # variant's begin.
                    "sites": envelope(np.array(sites, dtype=np.float32).reshape(-1, 2)),
                    "starts": envelope(np.cumsum([0, *map(len, drawn)]).astype(np.float32)),
                },
            )

    def _tell_nothing(self, scores: Predicted) -> None:
        label = scores.label if isinstance(scores, MutationScores) else ""
        with self.hold_sync():
            self.set_trait("x_label", self._label or label)
            self.set_trait("caption", "")
            self.set_trait("points", None)
