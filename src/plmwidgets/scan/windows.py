"""Proteins beyond a model's longest sequence: pair scans of windows that overlap.

A pair of residues is scanned where both see most of the protein: in the window in which they are
farthest from a cut. Its p(i|{i}) and p(i|{i,j}) come from that one window, since two windows would
tell of the cut and not of the pair. Pairs that no window holds stay unknown: no pass of such a
model sees both residues.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plmwidgets import metrics
from plmwidgets._numbers import whole_number
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan.background import RunsTogether
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.places import inside
from plmwidgets.scan.progress import ScanProgress, ScanStatus
from plmwidgets.scan.start import scan_pairs
from plmwidgets.scan.tables import contact_scores, pair_frame


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a protein.

    Attributes
    ----------
    first, last : int
        Its first and last residue in the whole protein, 0-based; the last one is included.
    protein : Protein
        The stretch by itself, without a structure, named as ``"name 1-1022"``.
    """

    first: int
    last: int
    protein: Protein


def windows_of(protein: Protein | str, size: int, overlap: int | None = None) -> list[Window]:
    """Cut a protein into windows of one size, spread evenly.

    Parameters
    ----------
    protein : Protein or str
        L residues.
    size : int
        Residues in a window; a protein that is not longer is one window.
    overlap : int, optional
        Residues that neighbours share at least; half of the size by default. Every pair of
        residues at most so far apart is in some window.

    Returns
    -------
    list of Window

    Raises
    ------
    ValueError
        If windows have fewer than two residues, or do not get on because they overlap wholly.
    """
    protein = as_protein(protein)
    size = whole_number("size", size, 2)
    shared = size // 2 if overlap is None else whole_number("overlap", overlap, 0)
    if shared >= size:
        raise ValueError(
            f"windows of {size} residues cannot overlap by {shared}: their overlap is from 0 to "
            "one less than their size"
        )
    length = len(protein)
    count = 1 + max(0, -(-(length - size) // (size - shared)))
    firsts = np.linspace(0, max(0, length - size), count).round().astype(int).tolist()
    windows = []
    for first in firsts:
        letters = protein.sequence[first : first + size]
        last = first + len(letters) - 1
        windows.append(
            Window(first, last, Protein(letters, f"{protein.name} {first + 1}-{last + 1}"))
        )
    return windows


def window_store(folder: str | os.PathLike[str], window: Window) -> str:
    """Return the place of a window's scan in the folder of all of them."""
    return str(inside(folder, f"{window.first + 1}-{window.last + 1}.zarr"))


def scan_windows(
    protein: Protein | str,
    model: MaskedLM | str,
    store: str | os.PathLike[str] | None = None,
    *,
    size: int | None = None,
    overlap: int | None = None,
    **options: Any,
) -> "WindowedScan":
    """Scan the pairs of a protein that is too long for a model, in windows; returns at once.

    Parameters
    ----------
    protein : Protein or str
    model : MaskedLM or str
    store : path, optional
        Folder for a store of each window, such as ``1-1022.zarr``; the same call goes on there.
    size : int, optional
        Residues in a window; the model's longest sequence by default.
    overlap : int, optional
        Residues that neighbours share at least; half of the size by default. Larger ones put
        residues farther from cuts, for more passes.
    **options
        ``method``, ``precision``, ``replacements``, ``audit``, ``memory`` and ``tolerance`` of
        `scan_pairs`, for each window. There are no ``positions``, which windows would cut, and no
        ``backend``: give the model that ``load_model(name, backend="ray")`` returns.

    Returns
    -------
    WindowedScan

    Raises
    ------
    ModelError, StoreError, ValueError
        As `scan_pairs`; ValueError as well if the model has no limit and there is no `size`, if
        there is no such size or overlap, or if positions are given.
    """
    if options.get("positions") is not None:
        raise ValueError(
            "positions cannot be cut into windows: leave them away, or scan_pairs a part of the "
            "protein that holds them"
        )
    protein, model = as_protein(protein), as_model(model)
    size = model.max_length if size is None else size
    if size is None:
        raise ValueError(
            f"{model.name} takes sequences of any length: use scan_pairs, or choose the size of "
            "the windows with size="
        )
    windows = windows_of(protein, size, overlap)
    places = [None if store is None else window_store(store, window) for window in windows]
    scans = [
        scan_pairs(window.protein, model, place, **options)
        for window, place in zip(windows, places, strict=True)
    ]
    return WindowedScan(protein, windows, scans)


class WindowedScan(RunsTogether):
    """Pair scans of overlapping windows, read as one; running ones fill in the background.

    Parameters
    ----------
    protein : Protein
        L residues.
    windows : list of Window
    scans : list of PairScan
        One for each window.

    Attributes
    ----------
    protein, windows, scans
        As above.
    chosen : ndarray of int64, shape (L, L)
        Which window each pair is taken from; -1 where no window holds both residues.
    """

    def __init__(self, protein: Protein, windows: list[Window], scans: list[PairScan]) -> None:
        self.protein = protein
        self.windows = windows
        self.scans = scans
        self.chosen = _most_central(len(protein), windows)

    def __repr__(self) -> str:
        done = sum(scan.pairs_computed for scan in self.scans)
        total = sum(scan.pairs_total for scan in self.scans)
        beyond = int(np.triu(self.chosen < 0, 1).sum())
        return (
            f"WindowedScan({self.protein.name!r}, {len(self.windows)} windows of "
            f"{len(self.windows[0].protein)} residues, {done:,} of {total:,} pairs, "
            f"{beyond:,} pairs beyond a window)"
        )

    @property
    def progress(self) -> ScanProgress:
        """How far it is: that of the first window that is not finished, or of the last one."""
        told = [scan.progress for scan in self.scans]
        unfinished = (each for each in told if each.status is not ScanStatus.FINISHED)
        return next(unfinished, told[-1])

    def _runs(self) -> Iterable[PairScan]:
        return self.scans

    def cancel(self) -> None:
        """Give up the rest; what is computed stays."""
        for scan in self.scans:
            scan.cancel()

    def matrix(self, name: str) -> pd.DataFrame:
        """One number for every ordered pair, labelled in the whole protein's numbering.

        Parameters
        ----------
        name : str
            As for `PairScan.matrix`.

        Returns
        -------
        DataFrame, shape (L, L)
            NaN on the diagonal, where a pair is not computed, and where no window holds it.

        Raises
        ------
        ValueError
            If there is no metric of that name.
        """
        metrics.check_pair_metric(name)
        return self._joined(lambda scan: scan.values(name))

    def contacts(self, metric: str = "js_dist_avg") -> pd.DataFrame:
        """Score every pair as a contact, corrected in the window that it is taken from.

        Parameters
        ----------
        metric : str
            As for `PairScan.contacts`.

        Returns
        -------
        DataFrame, shape (L, L)
            Symmetric; larger means more likely in contact. NaN on the diagonal, where a pair is
            not computed, and where no window holds it.

        Raises
        ------
        ValueError
            If there is no such metric.
        """
        return self._joined(lambda scan: contact_scores(scan, metric))

    def _joined(self, read: Callable[[PairScan], NDArray[np.float64]]) -> pd.DataFrame:
        """Put the maps of the windows together, each pair from the window chosen for it."""
        length = len(self.protein)
        values = np.full((length, length), np.nan)
        for index, (window, scan) in enumerate(zip(self.windows, self.scans, strict=True)):
            where = slice(window.first, window.last + 1)
            own = self.chosen[where, where] == index
            values[where, where][own] = read(scan)[own]
        return pair_frame(self.protein, values)

    def to_pandas(self) -> pd.DataFrame:
        """One row for every ordered pair that is computed, by position_i, then position_j.

        Returns
        -------
        DataFrame
            The columns of `PairScan.to_pandas`, positions in the whole protein, and ``window``:
            the index of the window that a row comes from. What is said of one hidden residue
            (``_i_i``, ``_j_j``) comes from that window too and so may differ between rows.
        """
        tables = []
        for index, (window, scan) in enumerate(zip(self.windows, self.scans, strict=True)):
            table = scan.to_pandas()
            table[["position_i", "position_j"]] += window.first
            table["window"] = index
            tables.append(table[self.chosen[table.position_i, table.position_j] == index])
        whole: pd.DataFrame = pd.concat(tables, ignore_index=True)
        return whole.sort_values(["position_i", "position_j"]).reset_index(drop=True)


def _most_central(length: int, windows: list[Window]) -> NDArray[np.int64]:
    """For each pair, which window has its cuts farthest from both residues; -1 if none has both."""
    chosen = np.full((length, length), -1)
    best = np.full((length, length), -1)
    position = np.arange(length)
    for index, window in enumerate(windows):
        # The protein's own ends are no cuts: nothing is hidden behind them.
        before = position - window.first if window.first else np.full(length, length)
        after = window.last - position if window.last < length - 1 else np.full(length, length)
        room = np.minimum(before, after)
        room[: window.first] = room[window.last + 1 :] = -1
        pair = np.minimum.outer(room, room)
        better = pair > best
        chosen[better], best[better] = index, pair[better]
    np.fill_diagonal(chosen, -1)
    return chosen
