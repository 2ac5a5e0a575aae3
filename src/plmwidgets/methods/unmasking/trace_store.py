"""What many unmaskings came to, in a folder, so that a killed session loses little of them."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, ClassVar, Final, TypedDict

from plmwidgets._warn import warn
from plmwidgets.methods.unmasking.decoding import UnmaskingPlan
from plmwidgets.scan.file_store import FileStore
from plmwidgets.scan.places import Place

SAVE_SECONDS: Final = 10.0


class Outcome(TypedDict):
    """What one trace came to; see `StrategyComparison.to_pandas`."""

    passes: int
    log_probability: float
    identity: float
    sequence: str


class TraceStore(FileStore):
    """A file for each plan, with the outcomes of its seeds.

    Parameters
    ----------
    place : Place
    provenance : mapping
        ``model`` and ``identity``.

    Raises
    ------
    StoreError
        As `FileStore`.
    """

    format: ClassVar = "plmwidgets-strategies"
    header: ClassVar = "strategies.json"
    noun: ClassVar = "unmaskings"

    def __init__(self, place: Place, provenance: Mapping[str, Any]) -> None:
        super().__init__(place, provenance["model"], {"identity": provenance["identity"]})
        self._found: dict[str, dict[int, Outcome]] = {}
        self._unsaved: dict[str, UnmaskingPlan] = {}
        self._saved = time.monotonic()

    def known(self, plan: UnmaskingPlan) -> Outcome | None:
        """Return what a plan with its seed came to; None where that is not kept."""
        key = plan_key(plan)
        if key not in self._found:
            self._found[key] = self._read(key, plan)
        return self._found[key].get(plan.seed)

    def take(self, plan: UnmaskingPlan, outcome: Outcome) -> None:
        """Keep what a plan with its seed came to; it is written now and then, and by `flush`."""
        key = plan_key(plan)
        self._found.setdefault(key, {})[plan.seed] = outcome
        self._unsaved[key] = plan
        if time.monotonic() - self._saved > SAVE_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is not written yet.

        Raises
        ------
        StoreError
            If it cannot be; it is tried again the next time.
        """
        for key, plan in list(self._unsaved.items()):
            # Another comparison may have added seeds meanwhile.
            self._found[key] = {**self._read(key, plan), **self._found[key]}
            outcomes = {str(seed): kept for seed, kept in self._found[key].items()}
            self.write_file(key, {"plan": _described(plan), "outcomes": outcomes})
            del self._unsaved[key]
        self._saved = time.monotonic()

    def _read(self, key: str, plan: UnmaskingPlan) -> dict[int, Outcome]:
        content = self.read_file(key)
        if content is None:
            return {}
        try:
            return {int(seed): _outcome(kept, plan) for seed, kept in content["outcomes"].items()}
        except (AttributeError, KeyError, TypeError, ValueError):
            warn(f"{key}.json in {self.place} is damaged and is computed again")
            return {}


def plan_key(plan: UnmaskingPlan) -> str:
    """Return the same for all seeds of a plan."""
    digest = hashlib.sha256(json.dumps(_described(plan)).encode())
    if plan.dependence is not None:
        digest.update(plan.dependence.tobytes())
    return digest.hexdigest()[:32]


def _described(plan: UnmaskingPlan) -> dict[str, Any]:
    described = asdict(replace(plan, dependence=None))
    return {name: value for name, value in described.items() if name not in ("seed", "dependence")}


def _outcome(kept: Mapping[str, Any], plan: UnmaskingPlan) -> Outcome:
    sequence = kept["sequence"]
    hidden = set(plan.masked)
    if len(sequence) != len(plan.sequence) or any(
        here != there and i not in hidden
        for i, (here, there) in enumerate(zip(sequence, plan.sequence, strict=True))
    ):
        raise ValueError("it is of another sequence")
    return Outcome(
        passes=int(kept["passes"]),
        log_probability=float(kept["log_probability"]),
        identity=float(kept["identity"]),
        sequence=str(sequence),
    )
