"""Unmasking strategies against each other: many seeds of each, at several numbers of steps."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final
from weakref import WeakValueDictionary

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from plmwidgets.methods.unmasking.comparison_tasks import (
    OWN_OPTIONS,
    check_options,
    read_seeds,
    read_steps,
    read_strategies,
    tasks_of,
)
from plmwidgets.methods.unmasking.decoding import STRATEGIES, Decoding
from plmwidgets.methods.unmasking.plan import Pairs, plan_unmasking
from plmwidgets.methods.unmasking.run import UnmaskingRun
from plmwidgets.methods.unmasking.trace_store import Outcome, TraceStore, plan_key
from plmwidgets.methods.unmasking.unmask import passes_of, trace_of
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM, default_precision
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan.background import RunControl
from plmwidgets.scan.places import place_of
from plmwidgets.scan.progress import ScanProgress, ScanStatus
from plmwidgets.scan.start import positions_of, provenance_of
from plmwidgets.service import service_for

Judge = Callable[[Sequence[str]], ArrayLike]
_NORMAL: Final = 1.959964
"""Standard errors on either side of a mean that hold 95 % of a normal distribution."""

_with_store: "WeakValueDictionary[str, StrategyComparison]" = WeakValueDictionary()


def compare_strategies(
    protein: Protein | str,
    model: MaskedLM | str,
    masked: Iterable[int] | str,
    *,
    strategies: Iterable[str] | Mapping[str, Mapping[str, Any]] = STRATEGIES,
    steps: int | Iterable[int] | None = None,
    seeds: int | Iterable[int] = 200,
    judge: Judge | None = None,
    pairs: Pairs | None = None,
    store: str | os.PathLike[str] | None = None,
    **options: Any,
) -> "StrategyComparison":
    """Reveal the same residues by several strategies, with many seeds; in the background.

    All seeds of all strategies go through the model together. In one step all strategies are the
    same, which is listed once, as ``"one-shot"``.

    Parameters
    ----------
    protein, model, masked
        As for `unmask`.
    strategies : iterable of str, or mapping
        Names that `unmask` knows, or options of `unmask` by a label of your own, such as
        ``{"cold": {"strategy": "entropy", "temperature": 0.5}}``.
    steps : int or iterable of int, optional
        By default 1, 2, 4, 8, 16 and one at a time, as far as there are so many hidden residues.
        ``"one-shot"`` is there if 1 is among them.
    seeds : int or iterable of int
        How many (0, 1, 2, ...), or which.
    judge : callable, optional
        Takes a list of sequences and gives each a score, the higher the better, such as
        ``PottsModel.log_weights``. Without one, sequences are compared by the log-probability that
        the model itself gave them on the way, which is another quantity for every number of steps.
    pairs : PairScan, ndarray or DataFrame, optional
        For the pair-guided strategy, as for `unmask`.
    store : path or URL, optional
        Folder that keeps what every trace came to, but for the judge's score. The same call, or one
        with more seeds, strategies or steps, goes on with what is missing, and asks the judge
        again.
    **options
        Others of `unmask`, for all strategies: ``schedule``, ``temperature``, ``anneal``,
        ``top_p``; and for the pair-guided ones ``order`` and ``threshold``.

    Returns
    -------
    StrategyComparison

    Raises
    ------
    ModelError, IndexError, TypeError, ValueError
        As `unmask`; or if there is no strategy, number of steps or seed.
    StoreError
        If the store cannot be written to, is something else, or is of another model.

    Examples
    --------
    >>> from plmwidgets import Protein, compare_strategies, load_model
    >>> judge = load_model("potts-demo").log_weights
    >>> found = compare_strategies(
    ...     Protein.demo(), "demo", "1-8", strategies=["random"], steps=[1, 8], seeds=5, judge=judge
    ... )
    >>> found.wait(quiet=True)
    >>> found.summary()["steps"].tolist()
    [1, 8]
    """
    protein, model = as_protein(protein), as_model(model)
    model.check_sequence(protein.sequence)
    if judge is not None and not callable(judge):
        raise TypeError(
            f"judge= is a function of a list of sequences, such as PottsModel.log_weights, not "
            f"{type(judge).__name__}"
        )
    check_options(options, [name for name in OWN_OPTIONS if name not in ("strategy", "pairs")])
    chosen = read_strategies(strategies)
    drawn = read_seeds(seeds)
    hidden = positions_of(protein, masked)
    tasks = [
        (label, Decoding(plan_unmasking(protein, hidden, seed=seed, **given)))
        for label, given in tasks_of(chosen, read_steps(steps, len(hidden)), pairs, options)
        for seed in drawn
    ]
    if not tasks:
        raise ValueError("one-shot reveals all in one step: add 1 to steps=, or another strategy")
    several_maps = any(own.get("pairs") is not None for own in chosen.values())
    map_passes = None if several_maps else passes_of(pairs)
    if store is None:
        return StrategyComparison(protein, model, tasks, judge, map_passes=map_passes)
    place = place_of(store)
    running = _with_store.get(place.key)
    # A cell that is run again while its work runs gets that: two would do all of it twice.
    if running is not None and running.is_of(protein, model, tasks, judge):
        return running
    kept = TraceStore(place, provenance_of(model, default_precision(model)))
    made = StrategyComparison(protein, model, tasks, judge, map_passes=map_passes, store=kept)
    _with_store[place.key] = made
    return made


class StrategyComparison(RunControl):
    """What each strategy revealed with each seed; made by `compare_strategies`.

    Attributes
    ----------
    protein : Protein
    masked : tuple of int
    provenance : dict
        ``model`` and ``identity``.
    map_passes : int or None
        As `UnmaskingTrace.map_passes`.
    judged : bool
        Whether there is a judge.
    """

    title: ClassVar = "Unmasking"
    _again = "call compare_strategies again"
    _run: UnmaskingRun

    def __init__(
        self,
        protein: Protein,
        model: MaskedLM,
        tasks: list[tuple[str, Decoding]],
        judge: Judge | None,
        *,
        map_passes: int | None,
        store: TraceStore | None = None,
    ) -> None:
        self.protein = protein
        self.masked = tasks[0][1].plan.masked
        self.provenance = provenance_of(model, default_precision(model))
        self.map_passes = map_passes
        self.judged = judge is not None
        self._model = model
        self._judge = judge
        self._places = {decoding: row for row, (_, decoding) in enumerate(tasks)}
        self._labels = [label for label, _ in tasks]
        self._rows: dict[int, dict[str, Any]] = {}
        self._store = store
        if store is not None:
            for decoding in self._places:
                outcome = store.known(decoding.plan)
                if outcome is not None:
                    self._put(decoding, outcome)
        self._run = UnmaskingRun(
            protein.name,
            list(self._places),
            service_for(model),
            finished=self._take,
            known={decoding for decoding, row in self._places.items() if row in self._rows},
            at_rest=(lambda: None) if store is None else store.flush,
        )
        self._run.start()

    def __repr__(self) -> str:
        labels = ", ".join(dict.fromkeys(self._labels))
        return (
            f"StrategyComparison({self.protein.name!r}, {len(self.masked)} residues; {labels}; "
            f"{len(self._rows)} of {len(self._labels)} traces; {self.progress})"
        )

    @property
    def progress(self) -> ScanProgress:
        """How far it is."""
        return self._run.progress

    def is_of(
        self,
        protein: Protein,
        model: MaskedLM,
        tasks: list[tuple[str, Decoding]],
        judge: Judge | None,
    ) -> bool:
        """Whether these traces are being computed now, and judged in this way."""
        asked = [(label, plan_key(one.plan), one.plan.seed) for label, one in tasks]
        return (
            (self.protein, self._judge, self._asked()) == (protein, judge, asked)
            and self._model.identity == model.identity
            and self.progress.status is ScanStatus.RUNNING
        )

    def _asked(self) -> list[tuple[str, str, int]]:
        plans = [decoding.plan for decoding in self._places]
        return [
            (label, plan_key(plan), plan.seed)
            for label, plan in zip(self._labels, plans, strict=True)
        ]

    def _take(self, decoding: Decoding) -> None:
        trace = trace_of(self.protein, self._model, decoding, self.map_passes)
        outcome = Outcome(
            passes=trace.passes,
            log_probability=trace.log_probability,
            identity=trace.identity,
            sequence=trace.sequence,
        )
        if self._store is not None:
            self._store.take(decoding.plan, outcome)
        self._put(decoding, outcome)
        decoding.steps.clear()  # thousands of traces would not all fit

    def _put(self, decoding: Decoding, outcome: Outcome) -> None:
        plan, row = decoding.plan, self._places[decoding]
        score = outcome["log_probability"]
        if self._judge is not None:
            score = _score(self._judge([outcome["sequence"]]))
        labelled = {"strategy": self._labels[row], "steps": len(plan.counts), "seed": plan.seed}
        self._rows[row] = {**labelled, "score": score, **outcome}

    def to_pandas(self) -> pd.DataFrame:
        """Return what is computed, a row for each strategy, number of steps and seed.

        Returns
        -------
        DataFrame
            ``strategy``, ``steps``, ``seed``, ``passes``, ``score`` (of the judge, or else the
            log-probability), ``log_probability`` (nats, by the model on the way), ``identity``
            (share of the hidden residues that became the wild type) and ``sequence``.
        """
        rows = dict(self._rows)
        columns = ["strategy", "steps", "seed", "passes", "score", "log_probability"]
        return pd.DataFrame(
            [rows[row] for row in sorted(rows)], columns=[*columns, "identity", "sequence"]
        )

    def summary(self) -> pd.DataFrame:
        """Return a row for each strategy and number of steps.

        Returns
        -------
        DataFrame
            ``strategy``, ``steps``, ``seeds`` (how many are computed), ``passes`` (mean of a
            trace), ``score`` (mean), ``low`` and ``high`` (its 95 % interval: 1.96 standard errors
            on either side; NaN of one seed), ``identity`` (mean) and ``diversity``: how often two
            seeds differ at a hidden residue, 0 to 1.
        """
        rows = []
        for (label, steps), group in self.to_pandas().groupby(["strategy", "steps"], sort=False):
            rows.append(
                {
                    "strategy": label,
                    "steps": steps,
                    "seeds": len(group),
                    "passes": group["passes"].mean(),
                    **_interval(group["score"]),
                    "identity": group["identity"].mean(),
                    "diversity": self._diversity(group["sequence"]),
                }
            )
        columns = ["strategy", "steps", "seeds", "passes", "score", "low", "high", "identity"]
        return pd.DataFrame(rows, columns=[*columns, "diversity"])

    def against(self, baseline: str) -> pd.DataFrame:
        """Return by how much each strategy beats one of them, at the same steps and seeds.

        Parameters
        ----------
        baseline : str
            A label of a strategy.

        Returns
        -------
        DataFrame
            ``strategy``, ``steps``, ``seeds``, ``passes`` and ``baseline_passes`` (means), and
            ``score``, ``low`` and ``high``: the mean difference and its 95 % interval, of pairs of
            traces with the same seed.

        Raises
        ------
        ValueError
            If there is no such strategy here.
        """
        table = self.to_pandas()
        if baseline not in self._labels:
            known = ", ".join(map(repr, dict.fromkeys(self._labels)))
            raise ValueError(f"there is no strategy {baseline!r} here: they are {known}")
        base = table[table["strategy"] == baseline]
        both = table[table["strategy"] != baseline].merge(
            base, on=["steps", "seed"], suffixes=("", "_baseline")
        )
        rows = [
            {
                "strategy": label,
                "steps": steps,
                "seeds": len(group),
                "passes": group["passes"].mean(),
                "baseline_passes": group["passes_baseline"].mean(),
                **_interval(group["score"] - group["score_baseline"]),
            }
            for (label, steps), group in both.groupby(["strategy", "steps"], sort=False)
        ]
        columns = ["strategy", "steps", "seeds", "passes", "baseline_passes", "score", "low"]
        return pd.DataFrame(rows, columns=[*columns, "high"])

    def chart(self) -> Any:
        """Draw quality against passes: see `plmwidgets.charts.strategies_chart`."""
        from plmwidgets.charts.decoding import strategies_chart

        return strategies_chart(self)

    def _diversity(self, sequences: "pd.Series[str]") -> float:
        count = len(sequences)
        if count < 2:
            return float("nan")
        letters = np.array([[sequence[i] for i in self.masked] for sequence in sequences])
        alike = 0.0
        for column in letters.T:
            _, counts = np.unique(column, return_counts=True)
            alike += float((counts * (counts - 1)).sum()) / (count * (count - 1))
        return 1 - alike / letters.shape[1]


def _score(given: Any) -> float:
    """Return what a judge said of one sequence."""
    try:
        scores = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        scores = np.zeros(0)
    if scores.shape != (1,):
        raise ValueError(
            f"the judge is given a list of one sequence here and returns as many numbers, such as "
            f"[1.5], not {given!r}"[:300]
        )
    return float(scores[0])


def _interval(values: "pd.Series[float]") -> dict[str, float]:
    # A score that is NaN is not left away: the mean of the others is not the one asked for.
    mean = float(values.mean(skipna=False))
    half = _NORMAL * float(values.std(ddof=1, skipna=False)) / np.sqrt(len(values))
    return {"score": mean, "low": mean - half, "high": mean + half}
