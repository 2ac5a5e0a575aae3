"""The structure in 3D, coloured by residue, with the pairs that depend on each other."""

from typing import Any

import numpy as np
import traitlets as t
from numpy.typing import ArrayLike, NDArray

from plmwidgets._labels import by_residue
from plmwidgets.methods.folding.fold import Fold
from plmwidgets.protein import Protein
from plmwidgets.scan.pair import PairScan
from plmwidgets.widgets.colouring import PLDDT, ColouredView
from plmwidgets.widgets.two_models import scores_of_pairs
from plmwidgets.widgets.view import bundle

TOP_K_MAX = 100


class StructureView(ColouredView):
    """A cartoon to turn, hover and click; a click masks the residue.

    Parameters
    ----------
    protein : Protein, Fold or str
        Without a structure the view says how to get one. A structure that is being predicted comes
        by itself, coloured by pLDDT; until then the view says how far it is.
    selection : Selection, optional
        Shared with other views; its own by default.
    live : LivePrediction, optional
        Offers colours by what the model believes now.
    scan : PairScan, optional
        Offers colours by what a scan found, and its strongest pairs as cylinders.

    Attributes
    ----------
    colour_by : str
    top_k : int
        How many of the strongest pairs are drawn (0-100), separation 6 and more: the scan's, or
        those of `show_pairs`.
    """

    _bundle = t.Unicode(bundle("structure_view"), read_only=True).tag(sync=True)
    structure = t.Unicode(None, allow_none=True, read_only=True).tag(sync=True)
    waiting = t.Unicode(read_only=True).tag(sync=True)
    pairs: t.List[Any] = t.List(read_only=True).tag(sync=True)
    top_k = t.Int(0).tag(sync=True, page=True)
    top_k_max = t.Int(0, read_only=True).tag(sync=True)

    def __init__(
        self,
        protein: Protein | Fold | str,
        *,
        scan: PairScan | None = None,
        top_k: int = 0,
        **kwargs: Any,
    ) -> None:
        self._contacts: NDArray[np.float64] | None = None
        self._scores: NDArray[np.float64] | None = None
        super().__init__(protein, scan=scan, **kwargs)
        if self._fold is None:
            self._show_structure()
        if scan is not None:
            self.set_trait("top_k_max", min(TOP_K_MAX, len(self.protein) * 2))
        self.top_k = top_k
        if self._live is not None:
            self.colour_by = "perplexity"
        elif PLDDT in self.fixed:
            self.colour_by = PLDDT

    @t.validate("top_k")
    def _validate_top_k(self, proposal: Any) -> int:
        if not 0 <= proposal["value"] <= TOP_K_MAX:
            raise t.TraitError(f"top_k is 0 to {TOP_K_MAX}, not {proposal['value']}")
        return int(proposal["value"])

    @t.observe("top_k")
    def _top_k_changed(self, _: Any) -> None:
        with self.guarded():
            self._show_pairs()

    def show_pairs(self, scores: ArrayLike | None, top_k: int | None = None) -> None:
        """Draw the strongest pairs of a map of your own instead of the scan's.

        Parameters
        ----------
        scores : array_like, shape (L, L), or None
            The larger, the stronger; NaN where unknown. Of (i, j) and (j, i) the mean counts. A
            DataFrame is read by its labels. None for the scan's again.
        top_k : int, optional
            How many; as many as before, or L where there were none.

        Raises
        ------
        ValueError
            If the shape or the labels do not fit.
        """
        length = len(self.protein)
        if scores is None:
            self._scores = None
        else:
            scores = by_residue(scores, self.protein, "the map")
            values = np.asarray(scores, dtype=np.float64)
            if values.shape != (length, length):
                raise ValueError(
                    f"the scores of {self.protein.name} have shape ({length}, {length}), not "
                    f"{values.shape}"
                )
            self._scores = (values + values.T) / 2
        some = scores is not None or self._scan is not None
        with self._colouring:
            self.set_trait("top_k_max", min(TOP_K_MAX, length * 2) if some else 0)
            if top_k is None:
                top_k = self.top_k or min(length, TOP_K_MAX)
            self.top_k = top_k if some else 0
            self._show_pairs()

    def fold_changed(self) -> None:
        """Say how far the prediction is, or show its structure."""
        super().fold_changed()
        if PLDDT in self.fixed:
            if self.structure is None:
                self._show_structure()
        elif self._fold is not None:
            self.set_trait("waiting", f"Structure prediction {self._fold.progress}")

    def _show_structure(self) -> None:
        if self.protein.structure is None:
            return
        self._contacts = self.protein.contact_map()
        self.set_trait("structure", self.protein.structure.to_cif())
        self._show_pairs()

    def scan_changed(self) -> None:
        """Show what the scan has found since."""
        super().scan_changed()
        self._show_pairs()

    def shown_changed(self) -> None:
        """Show whose colours and pairs were chosen."""
        super().shown_changed()
        with self.guarded():
            self._show_pairs()

    def _show_pairs(self) -> None:
        with self._colouring:  # so that what is drawn last is what holds
            self.set_trait("pairs", self.strongest_pairs(self.top_k))

    def strongest_pairs(self, n: int, scan: PairScan | None = None) -> list[list[Any]]:
        """Return the n strongest pairs so far as the page draws them: i, j, and if they touch.

        They are those of the given scan, else those that are shown; of a difference of two models
        those that changed most.
        """
        scores = self._pair_scores(scan)
        if n == 0 or scores is None:
            return []
        i, j = np.triu_indices(len(scores), 6)
        known = np.isfinite(scores[i, j])
        i, j = i[known], j[known]
        best = np.argsort(-scores[i, j], kind="stable")[:n]
        return [
            [int(a), int(b), self._contact(a, b)] for a, b in zip(i[best], j[best], strict=True)
        ]

    def _pair_scores(self, scan: PairScan | None) -> NDArray[np.float64] | None:
        if self._scores is not None:
            return self._scores
        if scan is None and self._two is not None:
            return scores_of_pairs(self._two.sources, "js_dist_avg")
        scan = self._scan if scan is None else scan
        return None if scan is None else scan.values("js_dist_avg")

    def _contact(self, i: int, j: int) -> bool | None:
        if self._contacts is None or np.isnan(self._contacts[i, j]):
            return None
        return bool(self._contacts[i, j])
