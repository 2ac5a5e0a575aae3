"""The protein as a strip of residues to mask, substitute and colour."""

from typing import Any

import numpy as np
import traitlets as t

from plmwidgets.methods.folding.fold import Fold
from plmwidgets.protein import Protein
from plmwidgets.widgets.colouring import ColouredView
from plmwidgets.widgets.view import bundle, in_words


class SequenceStrip(ColouredView):
    """Wrapped rows of residues; click to mask.

    Drag or shift-click masks a range, arrows and space work from the keyboard, a letter
    substitutes, and the field takes text such as ``3-10, 25, A40`` in the chain's numbering.

    Parameters
    ----------
    protein : Protein, Fold or str
        Of a structure that is being predicted, pLDDT colours it once that is there.
    selection : Selection, optional
        Shared with other views; its own by default.
    live : LivePrediction, optional
        Offers colours by what the model believes now.
    scan : PairScan, optional
        Offers colours by what a scan found.

    Attributes
    ----------
    colour_by : str
        What colours the residues.
    notice : str
        What came of the last text command.
    """

    _bundle = t.Unicode(bundle("sequence_strip"), read_only=True).tag(sync=True)
    notice = t.Unicode().tag(sync=True)
    pending = t.Bool(False).tag(sync=True)
    has_structure = t.Bool(read_only=True).tag(sync=True)

    def __init__(self, protein: Protein | Fold | str, **kwargs: Any) -> None:
        super().__init__(protein, **kwargs)
        self.set_trait("has_structure", self.protein.structure is not None)
        self.follow(self.selection, "clock", lambda: self.set_trait("notice", ""))
        if self._live is not None:
            for live in self._lives:
                self.follow(live, "waiting", self._show_waiting)
            self._show_waiting()
            self.colour_by = "perplexity"

    def _show_waiting(self) -> None:
        with self._colouring:  # two models answer in two threads
            self.pending = any(live.waiting for live in self._lives)

    def fold_changed(self) -> None:
        """Show the confidence of the predicted structure once it is there."""
        super().fold_changed()
        self.set_trait("has_structure", self.protein.structure is not None)

    def handle(self, kind: str, content: Any) -> None:
        """Mask by text, at random or around a residue."""
        if kind == "mask_text":
            try:
                self.selection.masked = self.protein.parse_positions(content.get("text"))
            except (ValueError, IndexError) as error:
                self.notice = in_words(error)
        elif kind == "mask_random":
            self.mask_random(_number(content, "percent"))
        elif kind == "mask_around":
            try:
                self.mask_around(_number(content, "radius"))
            except ValueError as error:
                self.notice = in_words(error)
        else:
            super().handle(kind, content)

    def mask_random(self, percent: float = 15.0, seed: int | None = None) -> None:
        """Mask a random share of the residues, at least one.

        Parameters
        ----------
        percent : float
            From 0 to 100.
        seed : int, optional
            Makes the draw repeatable.

        Raises
        ------
        ValueError
            If `percent` lies outside 0 to 100.
        """
        if not 0 <= percent <= 100:
            raise ValueError(f"mask between 0 and 100 percent of the residues, not {percent:g}")
        count = max(1, round(len(self.protein) * percent / 100))
        chosen = np.random.default_rng(seed).choice(len(self.protein), count, replace=False)
        self.selection.masked = chosen.tolist()

    def mask_around(self, radius: float = 8.0, centre: int | None = None) -> None:
        """Mask all residues within a distance of one, that one included.

        Parameters
        ----------
        radius : float
            In angstrom, between CB atoms, rebuilt where the structure has none.
        centre : int, optional
            A position; the residue in focus by default, which is the one clicked last.

        Raises
        ------
        ValueError
            If the radius is no distance, there is no structure, no residue in focus, or nothing
            known about where it lies.
        """
        if not 0 <= radius < np.inf:
            raise ValueError(f"the radius is a distance in Å, 0 or more, not {radius}")
        if self.protein.structure is None:
            raise ValueError(f"{self.protein.name} has no structure to measure distances in")
        middle = self.selection.focus if centre is None else centre
        if middle is None:
            raise ValueError("click a residue first: masks are set around it")
        distances = self.protein.distance_map()[middle]
        near = distances <= radius
        if np.isnan(distances).all():
            label = self.protein.residue_labels[middle]
            raise ValueError(f"the structure has no coordinates for {label}")
        near[middle] = True
        self.selection.masked = np.flatnonzero(near).tolist()


def _number(content: Any, name: str) -> float:
    value = content.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"the page sent {value!r} as the {name}, which is no number")
    return float(value)
