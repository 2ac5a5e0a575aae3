"""Runs a superposed pair scan: estimates for all pairs, exact passes for some, a measured error."""

import threading
import time
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from plmwidgets.faults import arithmetic_of
from plmwidgets.models.masked_lm import ModelError
from plmwidgets.scan.audit import audit_scan, choose_checks, default_replacements
from plmwidgets.scan.blocks import TILE, Block
from plmwidgets.scan.origin import Origin
from plmwidgets.scan.run import PairScanRun
from plmwidgets.scan.single import SingleScan, single_contexts
from plmwidgets.scan.stopping import result_of
from plmwidgets.service import ModelService, Priority

if TYPE_CHECKING:
    from plmwidgets.models.masked_lm import PairPassMaskedLM
    from plmwidgets.scan.pair import PairScan
    from plmwidgets.scan.store import PairStore

AUDITED = 200
TOLERANCE = 0.01


class SuperposedRun(PairScanRun):
    """Fills a `PairScan` with estimates, computes the strongest pairs and a sample exactly.

    The pass has no pair before its end, so that a process killed meanwhile begins it anew; the
    exact pairs are stored in blocks like those of an exact scan.

    Parameters
    ----------
    scan, service, store, precision
        As for `PairScanRun`; the service's model must have a pair pass.
    replacements : int, optional
        Number of pairs of largest estimates to compute exactly; see `choose_checks`.
    audit : int
        Number of other pairs to compute exactly.
    memory : int, optional
        Bytes that the pass may take on the device.
    tolerance : float
        See `plmwidgets.scan.audit.Audit`.
    """

    method: ClassVar = "superposed"
    TOGETHER: ClassVar = TILE**2  # of most blocks it computes a pair or two

    def __init__(
        self,
        scan: "PairScan",
        service: ModelService,
        store: "PairStore | None" = None,
        precision: str | None = None,
        *,
        replacements: int | None = None,
        audit: int = AUDITED,
        memory: int | None = None,
        tolerance: float = TOLERANCE,
    ) -> None:
        self._replacements = replacements
        self._audit = audit
        self._memory = memory
        self._tolerance = tolerance
        self._pass_share = 0.0
        self._chosen: NDArray[np.bool_] | None = None
        # What a failed write left in memory alone is written on the next start.
        self._estimates_stored = scan.checks is not None
        self._model: PairPassMaskedLM = service.model  # type: ignore[assignment]
        length = len(scan.protein)
        chosen = range(length) if scan.positions is None else scan.positions
        self._positions = np.array(chosen, dtype=np.int64)
        self._pass_cost = self._model.pair_pass_cost(length, len(chosen))
        wanted = default_replacements(len(chosen)) if replacements is None else replacements
        self._to_check = min(len(chosen) * (len(chosen) - 1) // 2, wanted + audit)
        super().__init__(scan, service, store, precision)

    def _needs_singles(self) -> bool:
        return self.scan.single is None

    def _run_singles(self, stop: threading.Event) -> None:
        """Compute p(i|{i}) alone: the pass itself tells which pairs will matter."""
        sequence = self.scan.protein.sequence
        rows = result_of(self._submit(*single_contexts(sequence)), stop)[:, 0]
        self.scan.single = SingleScan(self.scan.protein, rows, self.scan.provenance)
        self._changed()

    def start(self) -> None:
        """Start, or go on: as `PairScanRun.start`, but a pass that was stopped begins anew."""
        self._pass_share = 0.0
        super().start()

    def _work_on_pairs(self, stop: threading.Event) -> None:
        if self.scan.checks is None:
            self._run_pass(stop)
        if self.store is not None and not self._estimates_stored:
            assert self.scan.checks is not None
            self.store.write_estimates(self.scan.log_probabilities, self.scan.origin)
            self.store.write_checks(self.scan.checks)
        self._estimates_stored = True
        checks, single = self.scan.checks, self.scan.single
        assert checks is not None
        assert single is not None
        self._stage = "checks"
        self._run_pairs([block for block in self._blocks if len(self._wanted(block))], stop)
        i, j = checks.pairs.T
        directed = self.scan.log_probabilities
        self.scan.audit = audit_scan(
            checks,
            np.stack([directed[i, j], directed[j, i]], axis=1),
            single.log_probabilities,
            self._tolerance,
            len(single.log_probabilities) + self._pass_cost + len(checks.pairs),
        )
        if self.store is not None:
            self.store.write_audit(self.scan.audit)

    def _run_pass(self, stop: threading.Event) -> None:
        self._stage = "superposed pass"
        self._pass_share = 0.0

        def advanced(share: float) -> None:
            self._pass_share = share
            self._notify()

        steps = self._model.pair_pass(
            self.scan.protein.sequence, self._positions, self.precision, self._memory
        )
        future = self.service.submit_steps(steps, priority=Priority.BACKGROUND, on_step=advanced)
        found = result_of(future, stop)
        bad = ~np.isfinite(found).all(axis=-1) & ~np.eye(len(found), dtype=bool)
        if bad.any():
            pair = ", ".join(str(self._positions[k]) for k in np.argwhere(bad)[0])
            raise ModelError(
                f"the superposed pass of {self._model.name} "
                f"({arithmetic_of(self._model, self.precision)}) gave NaN or infinite values, "
                f"first for the pair {pair} (0-based): try precision='reference', or "
                "method='exact'"
            )
        estimates = found
        if len(found) < len(self.scan.protein):
            estimates = np.full_like(self.scan.log_probabilities, np.nan)
            estimates[np.ix_(self._positions, self._positions)] = found
        single = self.scan.single
        assert single is not None
        checks = choose_checks(
            estimates,
            single.log_probabilities,
            self._positions,
            replacements=self._replacements,
            audit=self._audit,
        )
        if stop.is_set():
            raise CancelledError
        with self._lock:
            pairs = self._pairs[self.scan.origin[tuple(self._pairs.T)] == Origin.MISSING]
            i, j = pairs.T
            self.scan.put(
                pairs, np.stack([estimates[i, j], estimates[j, i]], axis=1), Origin.ESTIMATED
            )
            self.scan.checks = checks
        self._stored, self._estimates_stored = set(), False
        self._changed()

    def _wanted(self, block: Block) -> NDArray[np.int64]:
        if self.scan.checks is None:
            return block.pairs[:0]
        if self._chosen is None:
            chosen = np.zeros(self.scan.origin.shape, dtype=bool)
            chosen[tuple(self.scan.checks.pairs.T)] = True
            self._chosen = chosen
        where = tuple(block.pairs.T)
        # What a damaged store lost of the estimates is computed exactly.
        lost = self.scan.origin[where] == Origin.MISSING
        wanted: NDArray[np.int64] = block.pairs[self._chosen[where] | lost]
        return wanted

    def _is_complete(self) -> bool:
        origin = self.scan.origin[tuple(self._pairs.T)]
        if (origin == Origin.EXACT).all():
            return True
        checks = self.scan.checks
        if checks is None or self.scan.audit is None or (origin == Origin.MISSING).any():
            return False
        # A damaged store may have lost some, of which it still has the estimates.
        return bool((self.scan.origin[tuple(checks.pairs.T)] == Origin.EXACT).all())

    def _units_done(self) -> int:
        return self.scan.pairs_computed

    def _message(self) -> str:
        return "" if self.scan.audit is None else str(self.scan.audit)

    def _remaining(self, share: float, rate: float | None) -> float | None:
        if self._began is None or share <= self._share_before:
            return None
        spent = time.monotonic() - self._began
        return spent * (1 - share) / (share - self._share_before)

    def _share(self) -> float:
        checks = self.scan.checks
        asked = self._to_check if checks is None else len(checks.pairs)
        exact = 0
        if checks is not None:
            exact = int((self.scan.origin[tuple(checks.pairs.T)] == Origin.EXACT).sum())
        work = {"singles": len(self.scan.protein), "pass": self._pass_cost, "checks": asked}
        done = {
            "singles": 0 if self.scan.single is None else work["singles"],
            "pass": work["pass"] * (self._pass_share if checks is None else 1),
            "checks": exact,
        }
        return sum(done.values()) / sum(work.values())
