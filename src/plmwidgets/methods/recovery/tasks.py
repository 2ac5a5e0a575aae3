"""Segments to recover, and the folder that keeps what is computed of them."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from plmwidgets._warn import warn
from plmwidgets.methods.recovery.plan import Plan
from plmwidgets.protein import Protein
from plmwidgets.scan.file_store import FileStore
from plmwidgets.scan.places import Place

_claiming = threading.Lock()
_claimed: set[tuple[str, str]] = set()


@dataclass(eq=False)
class Task:
    """One segment of one protein, or a pair, by one strategy.

    Attributes
    ----------
    protein : Protein
    plan : Plan
    values : ndarray, shape (seeds, K)
        R; NaN where not computed.
    problem : str
        Why there is none, if there can be none.
    """

    protein: Protein
    plan: Plan
    values: NDArray[np.float64] = field(init=False)
    problem: str = ""

    def __post_init__(self) -> None:
        self.values = np.full((self.plan.seeds, len(self.plan.flanks)), np.nan)

    @property
    def key(self) -> str:
        """The same for the same question, whatever the protein is called."""
        plan = self.plan
        asked = [plan.sequence, plan.segments, plan.strategy, plan.flanks, plan.seeds, plan.nested]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:32]

    @property
    def done(self) -> int:
        """How many of the values are computed, or cannot be."""
        return self.values.size if self.problem else int(np.isfinite(self.values).sum())


class RecoveryStore(FileStore):
    """A folder with a file for each task, and one that says of which model they are.

    Parameters
    ----------
    place : Place
    provenance : mapping
        ``identity`` and ``using``, which all tasks share, and ``model``.

    Raises
    ------
    StoreError
        If it cannot be written to, is something else, or is of another model or map.
    """

    format: ClassVar = "plmwidgets-recoveries"
    header: ClassVar = "recoveries.json"
    noun: ClassVar = "contact recoveries"

    def __init__(self, place: Place, provenance: Mapping[str, Any]) -> None:
        wanted = {name: provenance[name] for name in ("identity", "using")}
        super().__init__(place, provenance["model"], wanted)

    def read(self, task: Task) -> None:
        """Take what is kept of a task and not known; what cannot be read is computed again."""
        found = self.read_file(task.key)
        if found is None:
            return
        try:
            values = np.array(found["values"], dtype=np.float64)
            problem = str(found["problem"])
        except (KeyError, TypeError, ValueError):
            values, problem = np.empty(0), ""
        if values.shape != task.values.shape:
            warn(f"{task.key}.json in {self.place} is damaged and is computed again")
            return
        unknown = np.isnan(task.values)
        task.values[unknown] = values[unknown]
        task.problem = problem or task.problem

    def write(self, task: Task) -> None:
        """Keep a task as far as it is, and what another batch has added meanwhile."""
        self.read(task)
        plan = task.plan
        values = [[None if np.isnan(r) else float(r) for r in row] for row in task.values]
        content = {
            "protein": task.protein.name,
            "sequence": plan.sequence,
            "segments": plan.segments,
            "strategy": plan.strategy,
            "flanks": plan.flanks,
            "seeds": plan.seeds,
            "nested": plan.nested,
            "problem": task.problem,
            "values": values,
        }
        self.write_file(task.key, content)

    @contextmanager
    def claimed(self, task: Task) -> Iterator[bool]:
        """Keep other batches of this session off a task; gives whether none has it in hand."""
        key = self.place.key, task.key
        with _claiming:
            free = key not in _claimed
            if free:
                _claimed.add(key)
        try:
            yield free
        finally:
            if free:
                with _claiming:
                    _claimed.discard(key)
