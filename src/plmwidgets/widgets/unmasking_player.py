"""Unmasking step by step: play it, stop it, and go on differently from any step."""

import threading
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pandas as pd
import traitlets as t

from plmwidgets._numbers import as_whole
from plmwidgets._options import result_of
from plmwidgets.methods.unmasking.decoding import STRATEGIES
from plmwidgets.methods.unmasking.plan import plan_fork
from plmwidgets.methods.unmasking.strategy_comparison import StrategyComparison
from plmwidgets.methods.unmasking.trace import UnmaskingTrace
from plmwidgets.scan.progress import ScanStatus
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.throttle import Throttle
from plmwidgets.widgets.view import View, bundle, envelope, in_words

LANES: Final = 2


class UnmaskingPlayer(View):
    """Play how hidden residues are revealed; fork at a step, and see both lanes side by side.

    The slider, the buttons or the arrow keys on the slider choose the step. *Fork* takes what is
    shown of the first lane and goes on by another strategy or seed, in the second.

    Parameters
    ----------
    traces : UnmaskingTrace or iterable of UnmaskingTrace
        One, or two of the same protein.
    comparison : StrategyComparison, optional
        Quality against passes, drawn below the lanes; one that is running fills it.
    selection : Selection, optional
        Shared with other views; its own by default.
    presenter : bool
        Larger type, for a lecture or a shared screen.

    Attributes
    ----------
    traces : tuple of UnmaskingTrace
        What the lanes show; assignable. `to_pandas` of each is its table.
    step : int
        The last step that is shown, 0-based; -1 is before the first.

    Raises
    ------
    TypeError, ValueError
        If there is no trace, more than two, or they or the comparison are of different proteins.

    Examples
    --------
    >>> from plmwidgets import Protein, UnmaskingPlayer, unmask
    >>> trace = unmask(Protein.demo(), "demo", range(64), "entropy")
    >>> player = UnmaskingPlayer(trace)
    >>> player.fork(4, strategy="random", seed=1)
    >>> [len(trace) for trace in player.traces]
    [8, 8]
    """

    _bundle = t.Unicode(bundle("unmasking_player"), read_only=True).tag(sync=True)
    traces = t.Any(())  # a tuple of traces, as the validator makes it
    traces.allow_none = False  # or None would pass the validator by
    step = t.Int(-1).tag(sync=True, page=True)
    lanes: t.List[Any] = t.List(read_only=True).tag(sync=True)
    strategies = t.List(list(STRATEGIES), read_only=True).tag(sync=True)
    curves = t.Any(None, read_only=True).tag(sync=True)
    busy = t.Bool(False, read_only=True).tag(sync=True)
    notice = t.Unicode(read_only=True).tag(sync=True)

    def __init__(
        self,
        traces: UnmaskingTrace | Iterable[UnmaskingTrace],
        *,
        comparison: StrategyComparison | None = None,
        selection: Selection | None = None,
        presenter: bool = False,
    ) -> None:
        chosen = _checked(traces)
        if comparison is not None:
            result_of("compare_strategies", comparison, StrategyComparison, "comparison=")
            if comparison.protein.sequence != chosen[0].protein.sequence:
                raise ValueError("the comparison is of another protein than the traces")
        self._comparison = comparison
        self._changing = threading.RLock()
        self._wanted: tuple[int, dict[str, Any]] | None = None
        super().__init__(chosen[0].protein, selection, presenter=presenter)
        self._do_fork = Throttle(self._fork_wanted, 0.0)
        self.traces = chosen
        self.step = self._last
        if comparison is not None:
            refresh = Throttle(self._show_comparison, 0.25)
            self._at_close.append(comparison.subscribe(refresh))
            refresh.now()

    @property
    def _last(self) -> int:
        """The last step of the longer trace."""
        return max(map(len, self.traces)) - 1

    @t.validate("traces")
    def _validate_traces(self, proposal: Any) -> tuple[UnmaskingTrace, ...]:
        try:
            chosen = _checked(proposal["value"])
        except (TypeError, ValueError) as error:
            raise t.TraitError(str(error)) from None
        if chosen[0].protein.sequence != self.protein.sequence:
            raise t.TraitError("these traces are of another protein: make a player for that")
        return chosen

    @t.validate("step")
    def _validate_step(self, proposal: Any) -> int:
        step: int = proposal["value"]
        last = self._last if self.traces else -1
        if not -1 <= step <= last:
            raise t.TraitError(f"the step is -1 to {last} here, not {str(step)[:50]}")
        return step

    @t.observe("traces")
    def _traces_changed(self, _: Any) -> None:
        with self._changing, self.hold_sync():
            self.set_trait("lanes", [_lane(trace) for trace in self.traces])
            self.step = min(self.step, self._last)

    def fork(self, step: int, lane: int = 0, **changes: Any) -> None:
        """Go on differently from a step of a lane, in the second lane; waits until it is there.

        Parameters
        ----------
        step : int
            The first step to take anew, 0-based.
        lane : int
            0 or 1.
        **changes
            As for `UnmaskingTrace.fork`.

        Raises
        ------
        IndexError
            If there is no such lane.
        RuntimeError, TypeError, ValueError
            As `UnmaskingTrace.fork`.
        """
        which = as_whole(lane, least=0)
        if which is None or which >= len(self.traces):
            raise IndexError(
                f"there is no lane {lane}: they are 0 to {len(self.traces) - 1}"
                if len(self.traces) > 1
                else f"there is no lane {lane}: there is one, lane 0"
            )
        branch = self.traces[which].fork(step, **changes)
        with self._changing:
            self.traces = (self.traces[0], branch)

    def handle(self, kind: str, content: Any) -> None:
        """Fork the first lane, as the page asks."""
        if kind != "fork":
            super().handle(kind, content)
            return
        step, seed = as_whole(content.get("step")), as_whole(content.get("seed"))
        changes = {"strategy": content.get("strategy"), "seed": seed}
        if step is None or changes["strategy"] not in STRATEGIES:
            raise ValueError(f"the page asked for a fork that makes no sense: {content!r}"[:200])
        try:
            plan_fork(self.traces[0].plan, self.protein, step, **changes)
        except (TypeError, ValueError) as error:
            self.set_trait("notice", in_words(error))
            return
        self._wanted = (step, changes)
        self.set_trait("notice", "")
        self.set_trait("busy", True)
        self._do_fork()  # in a thread that no page waits for

    def _fork_wanted(self) -> None:
        wanted = self._wanted
        assert wanted is not None
        step, changes = wanted
        try:
            self.fork(step, **changes)
        except Exception as error:  # of the model, told where it was asked for
            self.set_trait("notice", in_words(error))
        if self._wanted is wanted:
            self.set_trait("busy", False)

    def to_pandas(self) -> pd.DataFrame:
        """Return the tables of the traces, as `UnmaskingTrace.to_pandas`, and ``lane``."""
        tables = [trace.to_pandas().assign(lane=lane) for lane, trace in enumerate(self.traces)]
        whole: pd.DataFrame = pd.concat(tables, ignore_index=True)
        return whole

    def _show_comparison(self) -> None:
        comparison = self._comparison
        assert comparison is not None
        with self.guarded():
            progress = comparison.progress
            if progress.status is ScanStatus.FAILED:
                self.set_trait("notice", in_words(Exception(progress.message)))
            columns = ["passes", "score", "low", "high", "steps", "seeds"]
            groups = comparison.summary().groupby("strategy", sort=False)
            lines = [[str(name), envelope(part[columns].to_numpy())] for name, part in groups]
            self.set_trait(
                "curves",
                {
                    "lines": lines,
                    "label": "score of the judge"
                    if comparison.judged
                    else "log-probability (nats)",
                    "done": progress.done,
                    "total": progress.total,
                    "running": progress.status is ScanStatus.RUNNING,
                },
            )


def _checked(traces: UnmaskingTrace | Iterable[UnmaskingTrace]) -> tuple[UnmaskingTrace, ...]:
    chosen: tuple[Any, ...] = (traces,)
    if not isinstance(traces, UnmaskingTrace) and isinstance(traces, Iterable):
        chosen = tuple(traces)
    if not all(isinstance(trace, UnmaskingTrace) for trace in chosen):
        raise TypeError("a player takes traces, such as unmask returns")
    if not 1 <= len(chosen) <= LANES:
        raise ValueError(f"a player shows one trace, or two side by side, not {len(chosen)}")
    if len({trace.protein.sequence for trace in chosen}) > 1:
        raise ValueError("these traces are of different proteins: a player shows one protein")
    return chosen


def _lane(trace: UnmaskingTrace) -> dict[str, Any]:
    """Return what the page needs to play a trace without a kernel."""
    table, steps = trace.to_pandas(), trace.per_step()
    probability = np.full(len(trace.protein), np.nan)
    probability[table["position"]] = table["probability"]
    totals = steps[["hidden", "log_probability", "identity", "passes", "entropy_left"]]
    return {
        "strategy": trace.plan.strategy,
        "seed": trace.plan.seed,
        "forked_at": trace.forked_at,
        "sequence": trace.sequence,
        "step_of": envelope(trace.step_of.astype(np.float32)),
        "probability": envelope(probability),
        "entropies": envelope(np.stack([step.entropies for step in trace.steps])),
        "totals": envelope(totals.to_numpy()),
        "model": str(trace.provenance.get("model", "")),
    }
