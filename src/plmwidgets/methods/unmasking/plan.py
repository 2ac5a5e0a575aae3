"""Reads and checks what is asked of unmasking."""

from collections.abc import Iterable
from dataclasses import replace
from inspect import signature
from numbers import Real
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plmwidgets._labels import by_residue
from plmwidgets._numbers import as_whole, whole_number
from plmwidgets._options import choice, flag
from plmwidgets.methods.schedules import SCHEDULES, revealed_counts
from plmwidgets.methods.unmasking.decoding import ORDERS, STRATEGIES, UnmaskingPlan
from plmwidgets.protein import Protein
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.start import positions_of

DEFAULT_STEPS: Final = 8
DEFAULT_ORDER: Final = "entropy"
DEFAULT_THRESHOLD: Final = 0.002
"""JS divergence in bits above which two residues are not revealed in one step."""
MOST_SEED: Final = 2**32 - 1

Pairs = PairScan | NDArray[np.floating[Any]] | pd.DataFrame


def plan_unmasking(
    protein: Protein,
    masked: Iterable[int] | str,
    strategy: str = "one-shot",
    *,
    steps: int | None = None,
    at_a_time: int | None = None,
    schedule: str = "cosine",
    temperature: float = 1.0,
    anneal: bool = False,
    top_p: float = 1.0,
    seed: int = 0,
    pairs: Pairs | None = None,
    order: str | None = None,
    threshold: float | None = None,
) -> UnmaskingPlan:
    """Check what `unmask` is asked for; the parameters and errors are the same."""
    hidden = positions_of(protein, masked)
    if not hidden:
        raise ValueError(
            "nothing is hidden: give the positions to reveal, such as masked=range(10, 30) or "
            "masked='10-30'"
        )
    strategy = choice("strategy", strategy, STRATEGIES)
    schedule = choice("schedule", schedule, SCHEDULES)
    for name, value in (("pairs", pairs), ("order", order), ("threshold", threshold)):
        if value is not None and strategy != "pair-guided":
            raise ValueError(f"{name}= guides the strategy 'pair-guided' alone, not {strategy!r}")
    if as_whole(seed, least=0) is None or seed > MOST_SEED:
        raise ValueError(f"seed is a whole number from 0 to {MOST_SEED}, not {seed!r}")
    return UnmaskingPlan(
        protein.sequence,
        hidden,
        strategy,
        _counts(len(hidden), strategy, steps, at_a_time, schedule),
        _real("temperature", temperature, 0.0, None),
        flag("anneal", anneal),
        _top_p(top_p),
        int(seed),
        choice("order", DEFAULT_ORDER if order is None else order, ORDERS),
        _real("threshold", DEFAULT_THRESHOLD if threshold is None else threshold, 0.0, 1.0),
        schedule,
        None if pairs is None else dependence_of(protein, hidden, pairs),
    )


OPTIONS: Final = tuple(signature(plan_unmasking).parameters)[2:]
"""Names of what may be asked for, beside the protein and what is hidden."""


def plan_fork(plan: UnmaskingPlan, protein: Protein, step: int, **changes: Any) -> UnmaskingPlan:
    """Check what a fork at a step is asked for."""
    unknown = sorted(set(changes) - set(OPTIONS))
    if unknown:
        raise TypeError(
            f"fork has no option {unknown[0]!r}: what may change is {', '.join(OPTIONS)}"
        )
    taken = as_whole(step, least=0)
    if taken is None or taken >= len(plan.counts):
        raise ValueError(
            f"there is no step {step!r} to fork at: they are 0 to {len(plan.counts) - 1}"
        )
    kept = plan.counts[:taken]
    left = len(plan.masked) - sum(kept)
    options: dict[str, Any] = {
        "strategy": plan.strategy,
        "temperature": plan.temperature,
        "anneal": plan.anneal,
        "top_p": plan.top_p,
        "seed": plan.seed,
        "schedule": plan.schedule,
    }
    if changes.get("strategy", plan.strategy) == "pair-guided":
        options |= {"order": plan.order, "threshold": plan.threshold}
    timed = {"steps", "at_a_time", "schedule"} & set(changes)
    # As many residues are hidden as are left, only to count the steps.
    fresh = plan_unmasking(protein, plan.masked, **{**options, **changes})
    dependence = fresh.dependence
    if fresh.strategy == plan.strategy == "pair-guided" and "pairs" not in changes:
        dependence = plan.dependence
    at_once = "one-shot" in (fresh.strategy, plan.strategy)
    if timed or (at_once and fresh.strategy != plan.strategy):
        times = {"schedule": plan.schedule, **{name: changes[name] for name in timed}}
        if timed == {"schedule"} and not at_once:
            times["steps"] = len(plan.counts) - taken
        counts = kept + _counts(left, fresh.strategy, **times)
    else:
        counts = plan.counts
    return replace(fresh, counts=counts, dependence=dependence)


def dependence_of(protein: Protein, masked: tuple[int, ...], pairs: Pairs) -> NDArray[np.float64]:
    """Return who depends on whom, symmetric, shape (L, L): the larger of the two directions.

    Raises
    ------
    TypeError, ValueError
        If it is of another protein, has another shape, or does not know a pair of hidden residues.
    """
    length = len(protein)
    if isinstance(pairs, PairScan):
        if pairs.protein.sequence != protein.sequence:
            raise ValueError(
                f"pairs= is a scan of {pairs.protein.name!r} ({len(pairs.protein)} residues), "
                f"whose sequence differs from that of {protein.name!r}: scan this protein"
            )
        values = np.asarray(pairs.values("js_div"), dtype=np.float64)
    elif isinstance(pairs, np.ndarray | pd.DataFrame):
        pairs = by_residue(pairs, protein, "pairs=")
        values = np.array(pairs, dtype=np.float64)
    else:
        raise TypeError(
            "pairs= takes a PairScan or an (L, L) array or DataFrame, not "
            f"{type(pairs).__name__}: make one with scan_pairs(protein, model)"
        )
    if values.shape != (length, length):
        raise ValueError(f"pairs= has shape {values.shape}, and {(length, length)} is needed")
    block = values[np.ix_(masked, masked)][~np.eye(len(masked), dtype=bool)]
    if not np.isfinite(block).all():
        raise ValueError(
            f"pairs= does not know {int((~np.isfinite(block)).sum())} of the pairs of hidden "
            "residues: let the scan finish first, with scan.wait()"
        )
    return np.maximum(values, values.T)


def _counts(
    hidden: int,
    strategy: str,
    steps: int | None = None,
    at_a_time: int | None = None,
    schedule: str = "cosine",
) -> tuple[int, ...]:
    if steps is not None and at_a_time is not None:
        raise ValueError(
            "give steps= or at_a_time=, not both: either says how many steps there are"
        )
    if strategy == "one-shot":
        if at_a_time is not None or steps not in (None, 1):
            raise ValueError(
                "one-shot reveals all in one step: choose another strategy for several steps"
            )
        return (hidden,)
    if at_a_time is not None:
        each = whole_number("at_a_time", at_a_time)
        if each > hidden:
            raise ValueError(f"at_a_time={each} is more than the {hidden} residues that are hidden")
        whole, rest = divmod(hidden, each)
        return (each,) * whole + ((rest,) if rest else ())
    if steps is None:
        steps = min(DEFAULT_STEPS, hidden)
    return revealed_counts(hidden, steps, schedule)


def _top_p(value: Any) -> float:
    mass = _real("top_p", value, 0.0, 1.0)
    if mass == 0:
        raise ValueError("top_p is above 0: temperature=0 takes the likeliest alone")
    return mass


def _real(name: str, value: Any, least: float, most: float | None) -> float:
    try:
        number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else np.nan
    except OverflowError:  # of a whole number
        number = np.inf
    if not (np.isfinite(number) and least <= number and (most is None or number <= most)):
        limits = f"{least:g} or more" if most is None else f"from {least:g} to {most:g}"
        raise ValueError(f"{name} is a number, {limits}, not {value!r}")
    return number
