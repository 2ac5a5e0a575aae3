"""Runs a pair scan on a model service: in the background, block by block, resumable."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from plmwidgets.metrics import js_divergence
from plmwidgets.models.masked_lm import Context
from plmwidgets.scan.background import BackgroundRun
from plmwidgets.scan.blocks import TILE, Block, Region, by_effect, in_turn, pair_blocks
from plmwidgets.scan.noise import noise_floor
from plmwidgets.scan.origin import Origin
from plmwidgets.scan.progress import ScanStatus
from plmwidgets.scan.single import SingleScan
from plmwidgets.scan.stopping import result_of, work_through
from plmwidgets.service import ModelService, Priority

if TYPE_CHECKING:
    from plmwidgets.scan.pair import PairScan
    from plmwidgets.scan.store import PairStore

SINGLES_AT_ONCE = 32
_ALIVE = (ScanStatus.READY, ScanStatus.RUNNING, ScanStatus.PAUSED)


class PairScanRun(BackgroundRun):
    """Fills a `PairScan` with exact pairs, and its store if it has one.

    Parameters
    ----------
    scan : PairScan
        Its arrays are filled in place; what is exact already is kept.
    service : ModelService
    store : PairStore, optional
    precision : str, optional
        One that the model offers.
    """

    method: ClassVar = "exact"
    title: ClassVar = "pair scan"
    # Alone, a block has the same batches whatever was computed before it: bit for bit, a scan that
    # was interrupted is one that was not.
    TOGETHER: ClassVar = 1

    def __init__(
        self,
        scan: "PairScan",
        service: ModelService,
        store: "PairStore | None" = None,
        precision: str | None = None,
    ) -> None:
        self.scan = scan
        self.service = service
        self.store = store
        self.precision = precision
        self._batch: int | None = scan.provenance.get("batch")
        self._blocks = pair_blocks(len(scan.protein), scan.positions)
        self._pairs = np.concatenate([block.pairs for block in self._blocks])
        self._done = self._count_exact()
        self._effect = None if store is None else store.read_effect()
        self._region: Region | None = None
        self._urgent: list[Block] = []
        super().__init__(scan.protein.name, len(self._pairs), "pairs")
        # What a failed or interrupted write left in memory alone is written on the next start.
        self._stored = {block for block in self._blocks if len(self._missing(block)) == 0}
        self._single_stored = not self._needs_singles()

    def prioritise(self, region: Region) -> None:
        """See `ScanControl.prioritise`; takes effect at the next group of blocks."""
        urgent = [block for block in self._blocks if region.touches(block)]
        with self._lock:
            self._region, self._urgent = region, urgent
        self._notify()

    @property
    def prioritised(self) -> Region | None:
        """See `ScanControl.prioritised`."""
        with self._lock:
            region, urgent = self._region, self._urgent
            if region is None or self.status not in _ALIVE:
                return None
            while urgent:
                pairs = urgent[-1].pairs[region.covers(urgent[-1].pairs)]
                if (self.scan.origin[tuple(pairs.T)] != Origin.EXACT).any():
                    return region
                urgent.pop()
            return None

    def exactly(self) -> "PairScanRun":
        """Return a run of the same scan that computes every pair exactly.

        Raises
        ------
        RuntimeError
            If this one is running.
        """
        if self.status is ScanStatus.RUNNING:
            raise RuntimeError("the scan is running: wait for it, or pause it first")
        run = PairScanRun(self.scan, self.service, self.store, self.precision)
        run._listeners = self._listeners  # views that watch this one go on watching
        # Work of this run may still be on its way, and not all that is exact has been stored.
        run._lock, run._thread = self._lock, self._thread
        run._stored, run._single_stored = set(), self._single_stored
        run.status = ScanStatus.PAUSED
        return run

    def noise_floor(self, pairs: int) -> float:
        """See `ScanControl.noise_floor`."""
        floor = noise_floor(
            self.service, self.scan.protein.sequence, self.precision, self.scan.positions, pairs
        )
        self.scan.provenance["noise_floor"] = floor
        if self.store is not None:
            self.store.write_noise_floor(floor)
        self._changed()
        return floor

    # The work

    def _work(self, stop: threading.Event) -> None:
        if self._needs_singles():
            self._stage = "singles"
            self._run_singles(stop)
        self._store_singles()
        self._work_on_pairs(stop)
        with self._lock:
            self._done = self._count_exact()

    def _run_singles(self, stop: threading.Event) -> None:
        """Singles first: besides p(i|{i}) they tell which pairs will matter."""
        sequence = self.scan.protein.sequence
        length = len(sequence)
        base = result_of(self._submit([Context(sequence)]), stop)[0]
        single = np.empty_like(base)
        effect = np.empty((length, length), dtype=np.float32)

        def submit(hidden: range) -> "Future[Any]":
            return self._submit([Context(sequence, (i,)) for i in hidden])

        def take(hidden: range, future: "Future[Any]") -> None:
            rows, some = result_of(future, stop), slice(hidden.start, hidden.stop)
            single[some] = rows[np.arange(len(hidden)), list(hidden)]
            effect[some] = js_divergence(rows, base)
            self._notify()

        starts = range(0, length, SINGLES_AT_ONCE)
        parts = [range(start, min(start + SINGLES_AT_ONCE, length)) for start in starts]
        work_through(parts, submit, take, self.service.lanes, stop)
        self.scan.single = SingleScan(self.scan.protein, single, self.scan.provenance)
        self._effect = effect
        self._changed()

    def _work_on_pairs(self, stop: threading.Event) -> None:
        """Do what comes after the singles."""
        self._stage = "pairs"
        # After a superposed scan, its estimates tell better than the singles which pairs matter.
        effect = self.scan.values("js_dist") if self._effect is None else self._effect
        self._run_pairs(by_effect(self._blocks, np.nan_to_num(effect)), stop)

    def _run_pairs(self, blocks: list[Block], stop: threading.Event) -> None:
        """Compute what is not exact in these blocks, and store them."""
        with self._lock:
            self._observe_rate(self._done)
        work_through(
            self._groups(blocks),
            lambda group: self._submit_pairs(group[1]),
            lambda group, future: self._finish_blocks(group[0], future, stop),
            self.service.lanes,
            stop,
        )

    def _groups(self, blocks: list[Block]) -> Iterator[tuple[list[Block], NDArray[np.int64]]]:
        """Take blocks one by one, or together where their pairs would make small batches."""
        some: list[Block] = []
        missing: list[NDArray[np.int64]] = []
        enough = self.TOGETHER
        if self._batch is not None and self._batch > TILE**2:
            enough = self._batch
        for block in in_turn(blocks, lambda: self._region):
            pairs = self._missing(block)
            if len(pairs) == 0:
                self._store_block(block)
                continue
            some.append(block)
            missing.append(pairs)
            if sum(map(len, missing)) >= enough:
                yield some, np.concatenate(missing)
                some, missing = [], []
        if some:
            yield some, np.concatenate(missing)

    def _submit_pairs(self, pairs: NDArray[np.int64]) -> "Future[Any]":
        sequence = self.scan.protein.sequence

        def fill(start: int, end: int, values: NDArray[np.floating[Any]]) -> None:
            some = pairs[start:end]
            with self._lock:
                # A slice that outlived a pause may have been asked for again: count a pair once.
                self._done += int((self.scan.origin[tuple(some.T)] != Origin.EXACT).sum())
                self.scan.put(some, values)
                self._observe_rate(self._done)
            self._changed()

        contexts = [Context(sequence, (i, j)) for i, j in pairs.tolist()]
        return self._submit(contexts, pairs, fill)

    def _submit(
        self,
        contexts: list[Context],
        positions: NDArray[np.int64] | None = None,
        on_part: Callable[[int, int, NDArray[np.floating[Any]]], None] | None = None,
    ) -> "Future[NDArray[np.floating[Any]]]":
        return self.service.submit(
            contexts,
            positions,
            priority=Priority.BACKGROUND,
            on_part=on_part,
            precision=self.precision,
            batch=self._batch,
        )

    def _finish_blocks(
        self, blocks: list[Block], future: "Future[Any]", stop: threading.Event
    ) -> None:
        result_of(future, stop)
        for block in blocks:
            self._store_block(block)

    def _store_block(self, block: Block) -> None:
        if self.store is not None and block not in self._stored:
            self.store.write_block(block, self.scan.log_probabilities, self.scan.origin)
        self._stored.add(block)

    def _store_singles(self) -> None:
        if self.store is not None and not self._single_stored:
            assert self.scan.single is not None
            self.store.write_single(self.scan.single.log_probabilities)
            if self._effect is not None:
                self.store.write_effect(self._effect)
        self._single_stored = True

    def _needs_singles(self) -> bool:
        return self.scan.single is None or (self._effect is None and self.scan.pairs_estimated == 0)

    def _wanted(self, block: Block) -> NDArray[np.int64]:
        """Pairs of a block that are to be exact."""
        return block.pairs

    def _missing(self, block: Block) -> NDArray[np.int64]:
        pairs = self._wanted(block)
        with self._lock:
            missing: NDArray[np.int64] = pairs[self.scan.origin[tuple(pairs.T)] != Origin.EXACT]
        return missing

    # State

    def _units_done(self) -> int:
        return self._done

    def _count_exact(self) -> int:
        return int((self.scan.origin[tuple(self._pairs.T)] == Origin.EXACT).sum())

    def _is_complete(self) -> bool:
        return self.scan.single is not None and self._count_exact() == self._total

    def _changed(self) -> None:
        self.scan.touch()
        self._notify()
