"""The result of a contact recovery: R by flank length and seed, and the maps behind it."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plmwidgets.methods.recovery import curves
from plmwidgets.methods.recovery.maps import MapMaker, Maps
from plmwidgets.methods.recovery.plan import Plan, words_of
from plmwidgets.methods.recovery.run import RecoveryRun
from plmwidgets.models.masked_lm import Context
from plmwidgets.protein import Protein
from plmwidgets.scan.background import RunControl
from plmwidgets.scan.progress import ScanProgress
from plmwidgets.service import Priority

MAP_BYTES: Final = 128 * 2**20
"""What the maps that are kept may take, the latest; others are computed again when asked for."""


class NoContactError(ValueError):
    """The whole sequence has no contact in the block, so that none can be recovered."""


class Recovery(RunControl):
    """R of a segment by flank length and seed, filled in the background.

    Made by `recovery`.

    Attributes
    ----------
    protein : Protein
    plan : Plan
        What is shown at each flank length.
    provenance : dict
        ``model``, ``identity`` and ``using``.
    values : ndarray of float64, shape (seeds, K)
        R, in the order of ``plan.flanks``; NaN where not computed.
    reference : ndarray or None
        P0, (L, L); None until it is computed.
    """

    _again = "to go on, call recovery(protein, model, segment) again"

    def __init__(
        self,
        protein: Protein,
        plan: Plan,
        provenance: Mapping[str, Any],
        values: NDArray[np.float64] | None = None,
        maker: MapMaker | None = None,
    ) -> None:
        self.protein = protein
        self.plan = plan
        self.provenance = dict(provenance)
        shape = (plan.seeds, len(plan.flanks))
        self.values = np.full(shape, np.nan) if values is None else values
        self.reference: Maps | None = None
        self._lock = threading.RLock()
        self._maker = maker
        self._maps: OrderedDict[Context, Maps] = OrderedDict()
        # Draws may coincide, as all do at k = 0: one context may fill several cells.
        self._cells: dict[Context, list[tuple[int, int]]] = {}
        for column, k in enumerate(plan.flanks):
            for seed in range(plan.seeds):
                self._cells.setdefault(plan.context(seed, k), []).append((seed, column))
        self._missing = {
            context: None
            for context, cells in self._cells.items()
            if np.isnan([self.values[cell] for cell in cells]).any()
        }
        self._run = None if maker is None else RecoveryRun(self, maker)

    def __repr__(self) -> str:
        using = "fast Jacobian" if self.using == "jacobian" else "contact head"
        return (
            f"Recovery({self.protein.name}, {self.words}, {self.plan.strategy}, "
            f"{self.computed} of {self.values.size} computed, {self._outcome()}; "
            f"{using} of {self.provenance.get('model', 'unknown model')})"
        )

    def _outcome(self) -> str:
        at = self.recovered_at
        if at is not None:
            return f"recovered at k = {at}"
        return "not recovered" if self.is_complete else "not recovered so far"

    # What is there

    @property
    def words(self) -> str:
        """The segment, or the two, by the labels of their ends."""
        return " and ".join(words_of(self.protein, segment) for segment in self.plan.segments)

    @property
    def using(self) -> str:
        """Where the maps come from: ``"contact-head"`` or ``"jacobian"``."""
        return str(self.provenance["using"])

    @property
    def computed(self) -> int:
        """How many of the ``seeds x K`` values are computed."""
        return int(np.isfinite(self.values).sum())

    @property
    def is_complete(self) -> bool:
        """Whether all values are computed."""
        return self.computed == self.values.size

    @property
    def progress(self) -> ScanProgress:
        """How far it is."""
        if self._run is not None:
            return self._run.progress
        return ScanProgress.at_rest(self.computed, self.values.size, "recoveries")

    @property
    def passes(self) -> int:
        """How many passes of the model all of it takes, P0 included."""
        if self._maker is None:
            raise RuntimeError(f"this result has no model: {self._again}")
        whole = Context(self.plan.sequence)
        return sum(self._maker.passes(context) for context in {whole, *self._cells})

    @property
    def contact_sum(self) -> float:
        """Sum of P0 over the block: the published analysis wants 15 of a segment, 10 of a pair.

        NaN while P0 is not computed.
        """
        return float("nan") if self.reference is None else float(self._block(self.reference).sum())

    @property
    def recovered_at(self) -> int | None:
        """The smallest flank length whose median R exceeds 0.5; None if there is none (yet)."""
        curve = self.curve()
        above = curve.index[curve["median"] > curves.RECOVERED]
        return int(above[0]) if len(above) else None

    def curve(self) -> pd.DataFrame:
        """Return median and spread of R over the seeds, by flank length.

        Returns
        -------
        DataFrame
            Index ``k``; ``seeds`` (how many are computed), ``median``, ``q25``, ``q75``, ``low``,
            ``high`` of R, and ``recovered``, the share of seeds with R > 0.5.
        """
        return curves.curve_table(self.plan.flanks, self.values)

    def jumps(self) -> pd.DataFrame:
        """Return where R rises by 0.5 or more from one flank length to the next and stays there.

        Of the ten values from the jump on (fewer at the end), at most two may lie more than 0.2
        below it, and one after it must hold; all of them must be computed.

        Returns
        -------
        DataFrame
            A row a jump: ``seed``, ``k``, ``R`` at k, and ``rise``.
        """
        rows = [
            {
                "seed": seed,
                "k": self.plan.flanks[at],
                "R": row[at],
                "rise": row[at] - row[at - 1],
            }
            for seed, row in enumerate(self.values)
            for at in curves.find_jumps(row)
        ]
        return pd.DataFrame(rows, columns=["seed", "k", "R", "rise"])

    def to_pandas(self) -> pd.DataFrame:
        """Return what is computed, a row for each seed and flank length.

        Returns
        -------
        DataFrame
            ``seed``, ``k``, ``visible`` (residues that are not hidden), ``R`` and ``recovered``.
        """
        inside = sum(stop - start for start, stop in self.plan.segments)
        rows = [
            {
                "seed": seed,
                "k": k,
                "visible": inside + self.plan.others(k),
                "R": self.values[seed, column],
                "recovered": bool(self.values[seed, column] > curves.RECOVERED),
            }
            for seed in range(self.plan.seeds)
            for column, k in enumerate(self.plan.flanks)
            if np.isfinite(self.values[seed, column])
        ]
        return pd.DataFrame(rows, columns=["seed", "k", "visible", "R", "recovered"])

    def maps(self, k: int, seed: int = 0) -> dict[str, pd.DataFrame]:
        """Return both maps at a flank length; the model is asked for what is not kept.

        Parameters
        ----------
        k : int
            One of ``plan.flanks``.
        seed : int

        Returns
        -------
        dict of str to DataFrame, shape (L, L)
            ``"P0"`` of the whole sequence, ``"P1"`` with the rest hidden.

        Raises
        ------
        ValueError
            If there is no such flank length or seed.
        RuntimeError
            If a map has to be computed and there is no model.
        """
        self._check(k, seed)
        labels = list(self.protein.residue_labels)
        whole, context = Context(self.plan.sequence), self.plan.context(seed, k)
        if self.reference is None:
            self.take_reference(self._asked(whole))
        kept = self._maps.get(context)
        if kept is None:
            kept = self._asked(context)
            self.take(context, kept)
        found = {"P0": self.reference, "P1": kept}
        return {name: pd.DataFrame(p, labels, labels) for name, p in found.items()}

    def kept_map(self, k: int, seed: int = 0) -> Maps | None:
        """Return P1 at a flank length if it is at hand, (L, L)."""
        self._check(k, seed)
        return self._maps.get(self.plan.context(seed, k))

    def roles(self, k: int, seed: int = 0) -> NDArray[np.float64]:
        """Return what each residue is at a flank length, to colour it by.

        Returns
        -------
        ndarray of float64, shape (L,)
            0 hidden, 1 shown beside the segment, 2 in the segment.
        """
        self._check(k, seed)
        found = np.zeros(len(self.protein))
        found[list(self.plan.visible(seed, k))] = 1.0
        for start, stop in self.plan.segments:
            found[start:stop] = 2.0
        return found

    def chart(self) -> Any:
        """Draw R over the flank length: see `plmwidgets.charts.recovery_chart`."""
        from plmwidgets.charts.recovery import recovery_chart

        return recovery_chart(self)

    def prioritise(self, k: int) -> None:
        """Compute a flank length first, all its seeds.

        Raises
        ------
        ValueError
            If it is none of ``plan.flanks``.
        """
        self._check(k, 0)
        with self._lock:
            urgent = {
                context: None
                for seed in range(self.plan.seeds)
                if (context := self.plan.context(seed, k)) in self._missing
            }
            self._missing = {**urgent, **self._missing}

    # What a run puts in

    def missing(self, most: int, under_way: set[Context]) -> list[Context]:
        """Return up to so many contexts that are to be computed next."""
        with self._lock:
            left = (context for context in self._missing if context not in under_way)
            return [context for context, _ in zip(left, range(most), strict=False)]

    def take_reference(self, values: Maps) -> None:
        """Take P0, (L, L).

        Raises
        ------
        NoContactError
            If it has no contact in the block, so that none can be recovered.
        """
        if not (self._block(values) > 0).any():
            raise NoContactError(
                f"the map of the whole sequence has no contact in {self.words}, so none can be "
                "recovered: choose another segment (candidate_segments lists some)"
            )
        self.reference = values
        whole = Context(self.plan.sequence)
        if whole in self._missing:  # where k is so large that all is shown
            self.take(whole, values)

    def take(self, context: Context, values: Maps) -> None:
        """Take P1 of a context, (L, L)."""
        assert self.reference is not None
        r = curves.recovery_of(self._block(self.reference), self._block(values))
        with self._lock:
            cells = self._cells[context]
            for cell in cells:
                self.values[cell] = r
            self._missing.pop(context, None)
            if cells[0][0] == 0:  # maps of the other seeds are hardly ever looked at
                self._maps[context] = values.astype(np.float32)
                while len(self._maps) > max(1, MAP_BYTES // self._maps[context].nbytes):
                    self._maps.popitem(last=False)

    def _block(self, values: Maps) -> Maps:
        block: Maps = values[self.plan.block]
        return block

    def _asked(self, context: Context) -> Maps:
        if self._maker is None:
            raise RuntimeError(f"this map is not kept, and there is no model: {self._again}")
        asked = [context]
        answer = self._maker.ask(asked, Priority.VISIBLE).result()
        found: Maps = self._maker.read(asked, answer)[0]
        return found

    def _check(self, k: int, seed: int) -> None:
        flanks = self.plan.flanks
        if k not in flanks:
            raise ValueError(
                f"the flank length {k} is not computed here: there are {len(flanks)} from "
                f"{flanks[0]} to {flanks[-1]}"
            )
        if not 0 <= seed < self.plan.seeds:
            raise ValueError(f"there is no seed {seed}: they are 0 to {self.plan.seeds - 1}")
