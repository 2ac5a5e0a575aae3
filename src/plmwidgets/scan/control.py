"""The handle half of a pair scan: start it, hold it, watch it."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from plmwidgets.protein import Protein
from plmwidgets.scan.background import RunControl
from plmwidgets.scan.blocks import Region
from plmwidgets.scan.progress import ScanProgress
from plmwidgets.scan.run import PairScanRun


class ScanControl(RunControl, ABC):
    """Gives a result the controls of the run that fills it; base of `PairScan`."""

    title: ClassVar = "Pair scan"
    protein: Protein
    _run: PairScanRun | None = None
    _again = "to go on with a store, call scan_pairs(protein, model, store=path)"

    @property
    @abstractmethod
    def pairs_computed(self) -> int:
        """Number of unordered pairs computed so far."""

    @property
    @abstractmethod
    def pairs_total(self) -> int:
        """Number of unordered pairs that the scan covers."""

    @property
    @abstractmethod
    def pairs_estimated(self) -> int:
        """Number of unordered pairs that are estimated."""

    @property
    def method(self) -> str:
        """How the pairs are obtained: ``"exact"``, or ``"superposed"`` where some are estimated."""
        if self._run is not None:
            return self._run.method
        return "superposed" if self.pairs_estimated else "exact"

    def attach(self, run: PairScanRun) -> None:
        """Let these controls drive a run."""
        self._run = run

    def pause(self) -> None:
        """Stop after the work in hand; `resume` goes on from there.

        A superposed pass has no result before its end: stopped in it, a scan begins it anew.
        """
        super().pause()

    def prioritise(self, rows: tuple[int, int], columns: tuple[int, int]) -> None:
        """Compute the pairs of a region of the map first.

        A running scan turns to them after the groups of pairs in hand, one that is paused or not
        started when it goes on. The region asked for last comes first, then the ones before it.
        Nothing happens where the scan is finished or has no model to run on. A superposed pass
        takes all pairs at once: there, only the order of the exact pairs after it changes.

        Parameters
        ----------
        rows, columns : tuple of (int, int)
            First and last residue, 0-based; the last one is included. Which of the two is which
            does not matter: a pair is computed both ways round.

        Raises
        ------
        ValueError
            If they are no ranges of the protein's residues.

        Examples
        --------
        >>> from plmwidgets import Protein, scan_pairs
        >>> scan = scan_pairs(Protein.demo(), "demo")
        >>> scan.prioritise((0, 15), (40, 63))
        """
        region = Region.of(rows, columns, len(self.protein))
        if self._run is not None:
            self._run.prioritise(region)

    @property
    def prioritised(self) -> Region | None:
        """The region asked for last, until all its pairs are exact or the scan ends."""
        return None if self._run is None else self._run.prioritised

    def upgrade(self) -> None:
        """Compute exactly, in the background, what is only estimated; exact pairs are kept.

        Raises
        ------
        RuntimeError
            If the scan was loaded or imported and has no model to run on, or runs just now.
        """
        if self._run is None:
            raise RuntimeError(
                "this scan has no model to run on: to compute its other pairs exactly, call "
                "scan_pairs(protein, model, store=path)"
            )
        self._run = self._run.exactly()
        self._run.start()

    def noise_floor(self, pairs: int = 16) -> float:
        """Measure the smallest ``js_dist`` that the arithmetic of this scan can tell from nothing.

        Some random pairs are computed once more, as in the scan and in double precision.

        Parameters
        ----------
        pairs : int

        Returns
        -------
        float
            95th percentile of the JS distance between a distribution computed in the scan's
            precision and the same in double precision. It tells of rounding alone, not of what a
            superposed pass leaves out (see ``audit``). Maps of this scan hatch what lies below it,
            and it is saved with the scan.

        Raises
        ------
        RuntimeError
            If the scan has no model to run on.
        ModelError
            If the model does not compute in double precision.
        """
        if self._run is None:
            raise RuntimeError("this scan has no model to measure on: scan again with the model")
        return self._run.noise_floor(pairs)

    @property
    def progress(self) -> ScanProgress:
        """How far the scan is: status, pairs done and in all, pairs a second, time left."""
        if self._run is not None:
            return self._run.progress
        return ScanProgress.at_rest(self.pairs_computed, self.pairs_total)

    @property
    def store_path(self) -> Path | str | None:
        """The folder or URL that keeps the scan while it runs; None for one in memory alone."""
        return None if self._run is None or self._run.store is None else self._run.store.path
