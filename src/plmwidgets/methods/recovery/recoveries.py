"""Contact recoveries of many segments and proteins, kept in a store and resumed from there."""

import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import Any, ClassVar, Final
from weakref import WeakValueDictionary

import numpy as np
import pandas as pd

from plmwidgets.methods.recovery.curves import RECOVERED, curve_table
from plmwidgets.methods.recovery.maps import MapMaker, Maps
from plmwidgets.methods.recovery.plan import (
    STRATEGIES,
    FlankError,
    flanks_of,
    plan_recovery,
    words_of,
)
from plmwidgets.methods.recovery.result import NoContactError, Recovery
from plmwidgets.methods.recovery.run import fill
from plmwidgets.methods.recovery.tasks import RecoveryStore, Task
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan.background import BackgroundRun, RunControl
from plmwidgets.scan.places import place_of
from plmwidgets.scan.progress import ScanProgress, ScanStatus
from plmwidgets.scan.stopping import check

SAVE_SECONDS: Final = 10.0
TASKS_ARE: Final = "tasks are a list of (protein, segment) or (protein, segment, partner)"

_with_store: "WeakValueDictionary[str, Recoveries]" = WeakValueDictionary()


def recoveries(
    tasks: Iterable[tuple[Any, ...]],
    model: MaskedLM | str,
    store: str | os.PathLike[str] | None = None,
    *,
    strategies: Iterable[str] = STRATEGIES,
    flanks: Iterable[int] | None = None,
    seeds: int = 10,
    nested: bool = True,
    using: str = "contact-head",
) -> "Recoveries":
    """Compute the contact recovery of many segments, one after the other, in the background.

    Parameters
    ----------
    tasks : iterable of tuple
        ``(protein, segment)``, or ``(protein, segment, partner)`` for a pair; what each may be is
        told by `recovery`. What is listed twice is done once.
    model : MaskedLM or str
    store : path or URL, optional
        Folder that keeps every finished segment, a file each. The same call after a crash goes on
        with what is missing.
    strategies : iterable of str
        Each segment is done by all of them: ``"flanking"``, ``"random"`` and ``"random-30"``.
    flanks : iterable of int, optional
        As for `recovery`, the same for all. A segment that has not so many residues around it is
        left out by that strategy, and `Recoveries.problems` tells of it.
    seeds : int
    nested : bool
    using : {"contact-head", "jacobian"}

    Returns
    -------
    Recoveries

    Raises
    ------
    ModelError, ValueError
        As `recovery`, before anything is computed; or if `flanks` fit none of the segments.
    StoreError
        If the store cannot be written, is something else, or is of another model.
    """
    model = as_model(model)
    chosen = [strategies] if isinstance(strategies, str) else list(strategies)
    lengths = None if flanks is None else flanks_of(flanks)
    planned = []
    for protein, segment, partner in _listed(tasks):
        known = as_protein(protein)
        model.check_sequence(known.sequence)
        for strategy in chosen:
            planned.append(
                _task(
                    known,
                    segment,
                    partner,
                    strategy=strategy,
                    flanks=lengths,
                    seeds=seeds,
                    nested=nested,
                )
            )
    if not planned:
        raise ValueError(
            "there is nothing to do: give at least one (protein, segment), and one strategy"
        )
    if all(task.problem for task in planned):
        raise ValueError(planned[0].problem)
    wanted = {(task.protein, task.key): task for task in planned}.values()
    maker = MapMaker(model, using)
    kept = None
    if store is not None:
        place = place_of(store)
        running = _with_store.get(place.key)
        # A cell that is run again while its work runs gets that: two would do all of it twice.
        if running is not None and running.is_of(wanted, maker.provenance):
            return running
        kept = RecoveryStore(place, maker.provenance)
    result = Recoveries(wanted, maker.provenance, maker, kept)
    if store is not None:
        _with_store[place.key] = result
    result.start()
    return result


def _listed(tasks: Iterable[tuple[Any, ...]]) -> list[tuple[Any, Any, Any]]:
    """Read the tasks: protein, segment, and partner or None."""
    if isinstance(tasks, pd.DataFrame):
        raise ValueError(
            f"{TASKS_ARE}, not a table: make them from one of candidate_segments with "
            "[(protein, (row.start, row.stop)) for row in table.itertuples()]"
        )
    if isinstance(tasks, Protein | str) or not isinstance(tasks, Iterable):
        raise ValueError(f"{TASKS_ARE}, not {_short(tasks)}")
    found = []
    for task in tasks:
        if not isinstance(task, tuple | list):
            raise ValueError(
                f"{TASKS_ARE}, and {_short(task)} is none of these: put a single one into a list "
                "as well, [(protein, segment)]"
            )
        if len(task) not in (2, 3):
            raise ValueError(f"{TASKS_ARE}, and one of these has {len(task)}: {_short(task)}")
        protein, segment, partner = (*task, None)[:3]
        found.append((protein, segment, partner))
    return found


def _short(given: object) -> str:
    words = repr(given)
    return words if len(words) <= 80 else f"{words[:80]}..."


def _task(protein: Protein, segment: Any, partner: Any, **options: Any) -> Task:
    try:
        return Task(protein, plan_recovery(protein, segment, partner, **options))
    except FlankError as error:  # of a large batch, some may be too short for what all are asked
        return Task(protein, error.plan, str(error))


class Recoveries(RunControl):
    """The recoveries of many segments, filled in the background; made by `recoveries`.

    Attributes
    ----------
    tasks : tuple of Task
    provenance : dict
        ``model``, ``identity`` and ``using``.
    """

    _run: "_BatchRun"

    def __init__(
        self,
        tasks: Iterable[Task],
        provenance: Mapping[str, Any],
        maker: MapMaker,
        store: RecoveryStore | None = None,
    ) -> None:
        self.tasks = tuple(tasks)
        self.provenance = dict(provenance)
        if store is not None:
            for task in self.tasks:
                if not task.problem:
                    store.read(task)
        self._run = _BatchRun(self, maker, store)

    def __repr__(self) -> str:
        ready = sum(task.done == task.values.size for task in self.tasks)
        return f"Recoveries({ready} of {len(self.tasks)} segments; {self.progress})"

    @property
    def progress(self) -> ScanProgress:
        """How far it is."""
        return self._run.progress

    def is_of(self, tasks: Iterable[Task], provenance: Mapping[str, Any]) -> bool:
        """Whether these tasks are being computed now, in this way."""

        def asked(some: Iterable[Task]) -> list[tuple[Protein, str]]:
            return [(task.protein, task.key) for task in some]

        same = (asked(self.tasks), self.provenance) == (asked(tasks), provenance)
        return same and self.progress.status is ScanStatus.RUNNING

    def to_pandas(self) -> pd.DataFrame:
        """Return what is computed, a row for each segment, strategy, seed and flank length.

        Returns
        -------
        DataFrame
            ``protein``, ``segment`` (labels), ``start``, ``stop`` (of the first segment, 0-based),
            ``strategy``, ``seed``, ``k``, ``R``, ``recovered`` (R > 0.5).
        """
        rows = [
            {
                "protein": task.protein.name,
                "segment": _words(task),
                "start": task.plan.segments[0][0],
                "stop": task.plan.segments[0][1],
                "strategy": task.plan.strategy,
                "seed": seed,
                "k": k,
                "R": task.values[seed, column],
                "recovered": bool(task.values[seed, column] > RECOVERED),
            }
            for task in self.tasks
            for seed in range(task.plan.seeds)
            for column, k in enumerate(task.plan.flanks)
            if np.isfinite(task.values[seed, column])
        ]
        columns = ["protein", "segment", "start", "stop", "strategy", "seed", "k", "R", "recovered"]
        return pd.DataFrame(rows, columns=columns)

    def recovered_fraction(self) -> pd.DataFrame:
        """Return the share of segments that are recovered, by strategy and flank length.

        A segment counts where its median R over the seeds exceeds 0.5. At large k there are fewer
        segments, as only some have so many residues around them.

        Returns
        -------
        DataFrame
            ``strategy``, ``k``, ``segments`` (how many are computed) and ``recovered`` (0 to 1).
        """
        medians = [
            {"strategy": task.plan.strategy, "k": k, "recovered": median > RECOVERED}
            for task in self.tasks
            for k, median in curve_table(task.plan.flanks, task.values)["median"].items()
        ]
        table = pd.DataFrame(medians, columns=["strategy", "k", "recovered"])
        by = table.astype({"recovered": float}).groupby(["strategy", "k"])["recovered"]
        return by.agg(segments="size", recovered="mean").reset_index()

    def problems(self) -> pd.DataFrame:
        """Return the segments that cannot be recovered, and why: ``protein, segment, problem``."""
        rows = {
            (task.protein.name, _words(task), task.problem) for task in self.tasks if task.problem
        }
        return pd.DataFrame(sorted(rows), columns=["protein", "segment", "problem"])

    def chart(self) -> Any:
        """Draw the recovered share: see `plmwidgets.charts.recovered_fraction_chart`."""
        from plmwidgets.charts.recovery import recovered_fraction_chart

        return recovered_fraction_chart(self)


class _BatchRun(BackgroundRun):
    title: ClassVar = "contact recoveries"

    def __init__(self, batch: Recoveries, maker: MapMaker, store: RecoveryStore | None) -> None:
        # Held while this runs, so that the same call with the same store finds it.
        self._batch = batch
        self._maker = maker
        self._store = store
        self._whole: tuple[str, Maps] | None = None  # P0 serves all segments of a protein
        total = sum(task.values.size for task in batch.tasks)
        super().__init__(f"{len(batch.tasks)} segments", total, "recoveries")

    def _work(self, stop: threading.Event) -> None:
        self._whole = None
        waiting = deque(task for task in self._batch.tasks if task.done < task.values.size)
        while waiting:
            check(stop)
            task = waiting.popleft()
            with nullcontext(True) if self._store is None else self._store.claimed(task) as mine:
                if mine:
                    self._compute(task, stop)
                else:  # another batch with this store is at it: take what comes of that
                    waiting.append(task)
                    stop.wait(0.05)

    def _compute(self, task: Task, stop: threading.Event) -> None:
        if self._store is not None:
            self._store.read(task)
            if task.done == task.values.size:
                self._notify()
                return
        result = Recovery(task.protein, task.plan, self._batch.provenance, task.values, self._maker)
        try:
            if self._whole is not None and self._whole[0] == task.plan.sequence:
                result.take_reference(self._whole[1])
            self._fill(task, result, stop)
        except NoContactError as error:  # nothing there to recover: the others go on
            task.problem = str(error)
            self._save(task)
        if result.reference is not None:
            self._whole = task.plan.sequence, result.reference

    def _fill(self, task: Task, result: Recovery, stop: threading.Event) -> None:
        saved = time.monotonic()

        def changed() -> None:
            nonlocal saved
            with self._lock:
                self._observe_rate(self._units_done())
            if time.monotonic() - saved > SAVE_SECONDS:
                self._save(task)
                saved = time.monotonic()
            self._notify()

        try:
            fill(result, self._maker, stop, changed)
        finally:
            self._save(task)

    def _save(self, task: Task) -> None:
        if self._store is not None:
            self._store.write(task)

    def _units_done(self) -> int:
        return sum(task.done for task in self._batch.tasks)

    def _is_complete(self) -> bool:
        return self._units_done() == self._total


def _words(task: Task) -> str:
    return " and ".join(words_of(task.protein, segment) for segment in task.plan.segments)
