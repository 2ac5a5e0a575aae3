"""Which contacts of a segment come back as more of the protein is shown: drag, slide, watch."""

import threading
from collections import OrderedDict
from typing import Any

import numpy as np
import pandas as pd
import traitlets as t
from numpy.typing import NDArray

from plmwidgets.methods.recovery.curves import RECOVERED
from plmwidgets.methods.recovery.maps import USING
from plmwidgets.methods.recovery.plan import STRATEGIES, Segment, segment_of
from plmwidgets.methods.recovery.recovery import prepare_recovery
from plmwidgets.methods.recovery.result import Recovery
from plmwidgets.methods.recovery.segments import WIDTH, candidate_segments
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM, ModelError
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan.progress import ScanStatus
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.throttle import Throttle
from plmwidgets.widgets.view import View, bundle, envelope, in_words

LATEST = 4
"""Recoveries that are kept, so that going back to a segment shows it at once."""
MOST_OFFERED = 12
NARROWEST = 3
USING_LABELS = {"contact-head": "contact head", "jacobian": "fast Jacobian"}


class RecoveryView(View):
    """Drag a segment along the protein, slide how much around it is shown, and see R.

    Parameters
    ----------
    protein : Protein or str
    model : MaskedLM or str
    segment : tuple of (int, int) or str, optional
        See `recovery`. By default the window of 22 residues with most contacts, or the middle.
    partner : tuple of (int, int) or str, optional
        A second segment, for the contacts between the two.
    strategy, using : str
        See `recovery`.
    seeds : int
        Random draws.
    selection : Selection, optional
        Shared with other views; its own by default.
    presenter : bool
        Larger type.

    Attributes
    ----------
    segments : list of [int, int]
        The segment, or the two of a pair; assignable.
    strategy, using : str
        Assignable.
    flank : int
        The flank length k that is looked at; assignable.
    recovery : Recovery or None
        Of what is shown; None where there can be none, and `problem` says why.
    problem : str
    current : tuple of (Recovery, int, ndarray or None, ndarray or None) or None
        The recovery, the flank length, and the maps P0 and P1, once there; observe it to follow
        the view.
    """

    _bundle = t.Unicode(bundle("recovery_view"), read_only=True).tag(sync=True)
    segments: t.List[Any] = t.List().tag(sync=True, page=True)
    strategy = t.Unicode("flanking").tag(sync=True, page=True)
    using = t.Unicode("contact-head").tag(sync=True, page=True)
    flank = t.Int(0).tag(sync=True, page=True)
    strategies = t.List(list(STRATEGIES), read_only=True).tag(sync=True)
    usings = t.List([[name, USING_LABELS[name]] for name in USING], read_only=True).tag(sync=True)
    candidates: t.List[Any] = t.List(read_only=True).tag(sync=True)
    largest = t.Int(0, read_only=True).tag(sync=True)
    curve = t.Any(None, read_only=True).tag(sync=True)
    roles = t.Any(None, read_only=True).tag(sync=True)
    facts = t.Dict(read_only=True).tag(sync=True)
    problem = t.Unicode(read_only=True).tag(sync=True)
    current = t.Any(None)

    def __init__(
        self,
        protein: Protein | str,
        model: MaskedLM | str,
        segment: Segment | str | None = None,
        *,
        partner: Segment | str | None = None,
        strategy: str = "flanking",
        using: str = "contact-head",
        seeds: int = 10,
        selection: Selection | None = None,
        presenter: bool = False,
    ) -> None:
        # First: what cannot be made is closed as well.
        self._unsubscribe: Any = None
        self.recovery: Recovery | None = None
        protein, self._model = as_protein(protein), as_model(model)
        self._model.check_sequence(protein.sequence)
        self._seeds = seeds
        self._changing = threading.RLock()
        self._made: OrderedDict[Any, Recovery] = OrderedDict()
        self._references: dict[str, NDArray[Any]] = {}
        self._count = 1 if partner is None else 2
        super().__init__(protein, selection, presenter=presenter)
        self._refresh = Throttle(self._show, 0.1)
        self._look_up = Throttle(self._fetch, 0.02)
        chosen = _default(protein) if segment is None else segment_of(protein, segment)
        self.set_trait("candidates", self._offered())
        self.strategy, self.using = strategy, using
        self.segments = [
            list(chosen),
            *([] if partner is None else [list(segment_of(protein, partner))]),
        ]

    def to_pandas(self) -> pd.DataFrame:
        """Return the table of the recovery that is shown, as `Recovery.to_pandas`.

        Raises
        ------
        RuntimeError
            If there is none.
        """
        if self.recovery is None:
            raise RuntimeError(self.problem or "there is no recovery: choose a segment")
        return self.recovery.to_pandas()

    def close(self) -> None:
        """Take the view off the page; what it computes is given up."""
        self._leave()
        super().close()

    # What may be chosen

    @t.validate("segments")
    def _validate_segments(self, proposal: Any) -> list[list[int]]:
        given = proposal["value"]
        if len(given) != self._count:
            raise t.TraitError(f"segments are {self._count} of [start, stop] here")
        try:
            if any(type(end) is not int for segment in given for end in segment):
                raise ValueError(f"segments have whole numbers, not {given!r}"[:200])
            found = sorted(segment_of(self.protein, tuple(segment)) for segment in given)
        except (TypeError, ValueError) as error:
            raise t.TraitError(str(error)) from None
        if any(stop - start < NARROWEST for start, stop in found):
            raise t.TraitError(f"a segment has {NARROWEST} residues at least")
        if len(found) == 2 and found[1][0] < found[0][1]:
            raise t.TraitError("the two segments overlap: a pair has two separate ones")
        return [list(segment) for segment in found]

    @t.validate("strategy")
    def _validate_strategy(self, proposal: Any) -> str:
        return _one_of(proposal["value"], STRATEGIES, "strategy")

    @t.validate("using")
    def _validate_using(self, proposal: Any) -> str:
        return _one_of(proposal["value"], USING, "map")

    @t.validate("flank")
    def _validate_flank(self, proposal: Any) -> int:
        k: int = proposal["value"]
        if not 0 <= k <= self.largest:
            raise t.TraitError(f"the flank length is 0 to {self.largest} here, not {str(k)[:50]}")
        return k

    # What follows from it

    @t.observe("segments", "strategy", "using")
    def _asked(self, _: Any) -> None:
        if self.segments:  # else it is still being made
            with self.guarded(), self._changing:
                self._leave()
                self._begin()

    @t.observe("flank")
    def _flank_changed(self, _: Any) -> None:
        with self.guarded():
            if self.recovery is not None:
                self.recovery.prioritise(self.flank)
            self._show()

    def _leave(self) -> None:
        """Give up what is computed for a segment that nobody looks at; what is there is kept."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if self.recovery is not None:
            self.recovery.pause()

    def _begin(self) -> None:
        key = (repr(self.segments), self.strategy, self.using)
        found = self._made.get(key)
        problem = ""
        if found is None:
            try:
                found = prepare_recovery(
                    self.protein,
                    self._model,
                    *map(tuple, self.segments[:1]),
                    partner=tuple(self.segments[1]) if len(self.segments) > 1 else None,
                    strategy=self.strategy,
                    using=self.using,
                    seeds=self._seeds,
                    reference=self._references.get(self.using),
                )
            except (ModelError, ValueError) as error:
                problem = in_words(error)
            else:
                self._made[key] = found
        self.set_trait("problem", problem)
        self.recovery = found
        if found is None:
            self._show()
            return
        self._made.move_to_end(key)
        if len(self._made) > LATEST:
            self._made.popitem(last=False)
        self.set_trait("largest", found.plan.flanks[-1])
        self.flank = min(self.flank, self.largest)
        found.prioritise(self.flank)
        self._unsubscribe = found.subscribe(self._refresh)
        self._show()
        found.start()

    def _show(self) -> None:
        with self._changing, self.hold_sync():
            recovery = self.recovery
            if recovery is None:
                for name in ("curve", "roles"):
                    self.set_trait(name, None)
                self.set_trait("facts", {})
                self.current = None
                return
            if recovery.reference is not None and recovery.using not in self._references:
                self._references[recovery.using] = recovery.reference
                self.set_trait("candidates", self._offered())
            progress = recovery.progress
            if progress.status is ScanStatus.FAILED:
                self.set_trait("problem", in_words(Exception(progress.message)))
            k = self.flank
            curve = recovery.curve()
            columns = ["median", "q25", "q75", "low", "high", "seeds"]
            table = curve.reset_index()[["k", *columns]].to_numpy(np.float64)
            self.set_trait("curve", envelope(table) if len(table) else None)
            self.set_trait("roles", envelope(recovery.roles(k).astype(np.uint8)))
            jumps = recovery.jumps()
            self.set_trait(
                "facts",
                {
                    "threshold": RECOVERED,
                    "recovered_at": recovery.recovered_at,
                    "jumps": sorted(set(jumps["k"].tolist())),
                    # A Jacobian has no scale: its sum says nothing.
                    "contact_sum": None
                    if recovery.using == "jacobian"
                    else _number(recovery.contact_sum),
                    "seeds": recovery.plan.seeds,
                    "done": progress.done,
                    "total": progress.total,
                    "status": str(progress.status),
                    "model": str(recovery.provenance["model"]),
                },
            )
            kept = recovery.kept_map(k)
            if kept is None and k in curve.index:
                self._look_up()
            self.current = (recovery, k, recovery.reference, kept)

    def _fetch(self) -> None:
        """Compute a map again that was not kept; not in a thread that the page waits for."""
        with self.guarded():
            recovery, k = self.recovery, self.flank
            if recovery is not None and k in recovery.plan.flanks:
                recovery.maps(k)
                self._show()

    def _offered(self) -> list[list[Any]]:
        """Return segments worth a look, none over another, the most contacts first."""
        reference = self._references.get("contact-head")
        if reference is None and not self.protein.has_structure:
            return []
        table = candidate_segments(self.protein, reference)
        found: list[list[Any]] = []
        best = table.sort_values("contact_sum", ascending=False)
        for start, stop, label in best[["start", "stop", "label"]].to_numpy().tolist():
            if all(stop <= other or start >= end for other, end, _ in found):
                found.append([start, stop, label])
        return sorted(found[:MOST_OFFERED])


def _default(protein: Protein) -> Segment:
    if protein.has_structure:
        table = candidate_segments(protein)
        if len(table):
            best = int(np.argmax(table["contact_sum"]))
            return int(table["start"].iloc[best]), int(table["stop"].iloc[best])
    start = max(0, (len(protein) - WIDTH) // 2)
    return start, min(len(protein), start + WIDTH)


def _one_of(value: Any, known: tuple[str, ...], what: str) -> str:
    if value not in known:
        raise t.TraitError(
            f"no {what} called {str(value)[:50]!r}: choose from {', '.join(map(repr, known))}"
        )
    return str(value)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
