"""Files of unmasking traces: numpy archives."""

import dataclasses
import json
import os
from typing import Any, Final

import numpy as np

from plmwidgets._files import path_ending, read_archive, write_archive
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.schedules import SCHEDULES
from plmwidgets.methods.unmasking.decoding import ORDERS, STRATEGIES, Step, UnmaskingPlan
from plmwidgets.methods.unmasking.trace import UnmaskingTrace
from plmwidgets.protein import Protein

_FORMAT: Final = "plmwidgets unmasking trace 1"
_WHAT: Final = "unmasking traces"


def write_trace(trace: UnmaskingTrace, path: str | os.PathLike[str], replace: bool) -> None:
    """See `UnmaskingTrace.save`."""
    target = path_ending(path, ".npz", _WHAT)
    plan = dataclasses.asdict(dataclasses.replace(trace.plan, dependence=None))
    del plan["dependence"]
    described = {
        "format": _FORMAT,
        "name": trace.protein.name,
        "plan": plan,
        "provenance": trace.provenance,
        "map_passes": trace.map_passes,
        "forked_at": trace.forked_at,
    }
    steps = trace.steps
    arrays: dict[str, Any] = {
        "description": json.dumps(described, default=str),
        "passes": np.array([step.passes for step in steps]),
        "positions": np.concatenate([step.positions for step in steps]),
        "columns": np.concatenate([step.columns for step in steps]),
        "log_probabilities": np.concatenate([step.log_probabilities for step in steps]),
        "entropies": np.stack([step.entropies for step in steps]),
    }
    if trace.plan.dependence is not None:
        arrays["dependence"] = trace.plan.dependence
    write_archive(target, arrays, replace)


def read_trace(path: str | os.PathLike[str]) -> UnmaskingTrace:
    """See `UnmaskingTrace.load`."""
    source = path_ending(path, ".npz", _WHAT)
    return read_archive(source, _read, "unmasking trace", "UnmaskingTrace.save")


def _read(archive: Any) -> UnmaskingTrace:
    described = json.loads(str(archive["description"]))
    if described["format"] != _FORMAT:
        raise ValueError("it is of another format")
    given = dict(described["plan"])
    given["masked"], given["counts"] = tuple(given["masked"]), tuple(given["counts"])
    dependence = archive.get("dependence")
    plan = UnmaskingPlan(**given, dependence=dependence)
    protein = Protein(plan.sequence, name=described["name"])
    length, counts = len(protein), plan.counts
    positions, columns = archive["positions"], archive["columns"]
    log_p, entropies, passes = (
        archive[name] for name in ("log_probabilities", "entropies", "passes")
    )
    shapes = (positions.shape, columns.shape, log_p.shape, entropies.shape, passes.shape)
    total = len(plan.masked)
    wanted = ((total,), (total,), (total,), (len(counts), length), (len(counts),))
    if shapes != wanted or min(counts) < 1 or sum(counts) != total:
        raise ValueError("its arrays do not fit together")
    whole = positions.dtype.kind == columns.dtype.kind == passes.dtype.kind == "i"
    inside = min(plan.masked) >= 0 and max(plan.masked) < length
    if not (whole and inside and sorted(positions.tolist()) == sorted(set(plan.masked))):
        raise ValueError("it does not reveal each hidden residue once")
    if not ((columns >= 0) & (columns < len(AMINO_ACIDS))).all():
        raise ValueError("it reveals what is no amino acid")
    if (
        plan.strategy not in STRATEGIES
        or plan.order not in ORDERS
        or plan.schedule not in SCHEDULES
    ):
        named = f"{plan.strategy!r}, {plan.order!r}, {plan.schedule!r}"
        raise ValueError(f"it names a strategy, order or schedule that is not known: {named}"[:200])
    if dependence is not None and dependence.shape != (length, length):
        raise ValueError("its map is not of this protein")
    if not isinstance(described["provenance"].get("identity", {}), dict):
        raise ValueError("it does not say which model it is of")
    ends = np.cumsum(counts)
    steps = tuple(
        Step(
            positions[end - count : end],
            columns[end - count : end],
            log_p[end - count : end],
            entropies[index],
            int(passes[index]),
        )
        for index, (count, end) in enumerate(zip(counts, ends, strict=True))
    )
    return UnmaskingTrace(
        protein,
        plan,
        steps,
        described["provenance"],
        described["map_passes"],
        described["forked_at"],
    )
