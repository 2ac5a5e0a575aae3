"""Pair scans on disk: a Zarr group that a running scan fills and that `save` writes.

One chunk of ``pairs`` is one block of the scan and is written whole, so a killed process loses at
most the blocks in flight and a resumed scan recomputes just the chunks that are missing. Each chunk
carries a checksum: damage is found when it is read, reported, and counts as missing.
"""

import errno
import math
import os
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import Crc32cCodec, ZstdCodec

from plmwidgets._version import __version__
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.scan.audit import Audit, Checks
from plmwidgets.scan.blocks import TILE, Block
from plmwidgets.scan.origin import Origin

FORMAT = "plmwidgets-pair-scan"
FORMAT_VERSION = 2
"""2 knows estimated pairs; a scan of version 1 is read as well: all its pairs are exact."""

Array = NDArray[np.floating[Any]]
_COMPRESSORS = [ZstdCodec(level=1), Crc32cCodec()]


class StoreError(RuntimeError):
    """A store cannot be written or read, or belongs to another scan."""


class PairStore:
    """The results of one pair scan in a folder.

    Arrays of the Zarr group, with L residues:

    ``single`` (L, 20)
        log p(. | {i}).
    ``effect`` (L, L)
        The effect predicted from single masks, which orders the pairs.
    ``pairs`` (L, L, 2, 20)
        At ``[i, j]`` with i < j: log p(i | {i, j}) and log p(j | {i, j}).
    ``estimated`` (L, L)
        Whether the pair i < j was estimated by a superposed pass.
    ``checked`` (m, 2, 20)
        Estimates of the pairs that a superposed scan computes exactly.

    What is not computed yet is NaN. Open one with `create` or `open`.
    """

    def __init__(self, path: Path, group: zarr.Group) -> None:
        self.path = path
        self._group = group

    def __repr__(self) -> str:
        return f"PairStore({str(self.path)!r})"

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        *,
        sequence: str,
        labels: Sequence[str],
        name: str,
        identity: Mapping[str, str],
        positions: Sequence[int] | None = None,
        dtype: str = "float32",
        provenance: Mapping[str, Any] | None = None,
    ) -> "PairStore":
        """Create an empty store; the folder must not exist yet, or be empty.

        Raises
        ------
        StoreError
            If something else is there, or the place cannot be written to.
        """
        folder = Path(path).expanduser()
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise StoreError(f"{folder} exists already: choose another path, or remove it")
        length = len(sequence)
        with _explained(folder):
            # Under another name until it is whole: a kill leaves no half-made store in the way,
            # and of two processes that create the same one the later is told.
            unfinished = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
            group = zarr.open_group(unfinished, mode="w-", zarr_format=3)
            arrays = {
                "single": ((length, 20), (length, 20)),
                "effect": ((length, length), (length, length)),
                "pairs": ((length, length, 2, 20), (TILE, TILE, 2, 20)),
            }
            for array, (shape, chunks) in arrays.items():
                group.create_array(
                    array,
                    shape=shape,
                    chunks=chunks,
                    dtype="float32" if array == "effect" else dtype,
                    fill_value=float("nan"),
                    compressors=_COMPRESSORS,
                )
            _create_estimated(group, length)
            group.attrs.update(
                {
                    "format": FORMAT,
                    "format_version": FORMAT_VERSION,
                    "sequence": sequence,
                    "labels": list(labels),
                    "name": name,
                    "identity": dict(identity),
                    "positions": None if positions is None else [int(p) for p in positions],
                    "amino_acids": AMINO_ACIDS,
                    "provenance": {"plmwidgets": __version__, **(provenance or {})},
                }
            )
            if folder.exists():
                folder.rmdir()  # which takes empty ones only
            unfinished.rename(folder)
        return cls.open(folder)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> "PairStore":
        """Open a store, or a saved result.

        Raises
        ------
        FileNotFoundError
            If there is nothing at this path, or an empty folder.
        StoreError
            If it is no pair scan, or one of a newer format.
        """
        folder = Path(path).expanduser()
        if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
            raise FileNotFoundError(f"there is no pair scan at {folder}")
        try:
            group = zarr.open_group(folder, mode="r+", zarr_format=3)
            metadata: dict[str, Any] = dict(group.attrs)
        except Exception as error:
            raise StoreError(f"{folder} is not a pair scan that can be read: {error}") from error
        if metadata.get("format") != FORMAT:
            raise StoreError(f"{folder} is not a pair scan of plmwidgets")
        if int(metadata["format_version"]) > FORMAT_VERSION:
            raise StoreError(
                f"{folder} was written by a newer plmwidgets "
                f"({metadata['provenance'].get('plmwidgets')}): upgrade this one to read it"
            )
        return cls(folder, group)

    @property
    def metadata(self) -> dict[str, Any]:
        """Sequence, labels, name, identity, positions and provenance."""
        return dict(self._group.attrs)

    def check(
        self, *, sequence: str, identity: Mapping[str, str], positions: Sequence[int] | None
    ) -> None:
        """Refuse to continue a scan of something else.

        Raises
        ------
        StoreError
            Naming what differs.
        """
        kept = self.metadata
        # Scans of format 1 were all in the precision of the weights.
        own = {"bfloat16": "preview", "float16": "final"}.get(
            kept["identity"].get("dtype"), "reference"
        )
        kept["identity"] = {"precision": own, **kept["identity"]}
        differences = []
        if kept["sequence"] != sequence:
            differences.append(
                f"its sequence is that of {kept['name']!r} ({len(kept['sequence'])} residues, "
                f"{_shortened(kept['sequence'])}), not {_shortened(sequence)}"
            )
        differences += [
            f"its {key} is {kept['identity'].get(key)!r}, not {value!r}"
            + (f" (pass {key}={kept['identity'][key]!r} to go on)" if key == "precision" else "")
            for key, value in identity.items()
            if kept["identity"].get(key) != value
        ]
        wanted = None if positions is None else [int(p) for p in positions]
        if kept["positions"] != wanted:
            differences.append("it covers another set of positions")
        if differences:
            raise StoreError(
                f"the store {self.path} belongs to another scan: {'; '.join(differences)}. "
                "Use another path for this scan."
            )

    def read_single(self) -> Array | None:
        """Return the single-mask log-probabilities, shape (L, 20); None while there are none."""
        return self._read_whole("single")

    def write_single(self, single: Array) -> None:
        """Store the single-mask log-probabilities, shape (L, 20)."""
        self._write("single", slice(None), single)

    def read_effect(self) -> Array | None:
        """Return the predicted effects, shape (L, L); None while there are none."""
        return self._read_whole("effect")

    def write_effect(self, effect: Array) -> None:
        """Store the predicted effects, shape (L, L)."""
        self._write("effect", slice(None), effect)

    def read_pairs(self) -> tuple[Array, NDArray[np.uint8]]:
        """Return what is known of pairs.

        A damaged chunk is named in a warning and read as missing.

        Returns
        -------
        directed : ndarray, shape (L, L, 20)
            ``[i, j]`` is log p(i | {i, j}); NaN where not computed.
        origin : ndarray of uint8, shape (L, L)
            How each was obtained, codes of `Origin`.
        """
        upper = self._read_chunks("pairs")
        directed = upper[:, :, 0].copy()
        rows, columns = np.triu_indices(len(directed), 1)
        directed[columns, rows] = upper[rows, columns, 1]
        there = np.isfinite(directed[..., 0]) & np.isfinite(directed[..., 0]).T
        origin = np.where(there, Origin.EXACT, Origin.MISSING).astype(np.uint8)
        np.fill_diagonal(origin, Origin.MISSING)
        if "estimated" in self._group:
            # Where this array is damaged, numbers are not known to be exact.
            estimated = np.triu(self._read_chunks("estimated") != 0)
            origin[there & (estimated | estimated.T)] = Origin.ESTIMATED
        return directed, origin

    def write_block(self, block: Block, directed: Array, origin: NDArray[np.uint8]) -> None:
        """Store one block, taken from the arrays of the whole scan, (L, L, 20) and (L, L)."""
        length = len(directed)
        i0, j0 = block.row * TILE, block.column * TILE
        shape = (min(TILE, length - i0), min(TILE, length - j0), 2, 20)
        tile = np.full(shape, np.nan, dtype=directed.dtype)
        i, j = block.pairs.T
        flags = np.zeros(shape[:2], dtype=bool)
        # Read before the numbers: an estimate must never be taken for exact.
        flags[i - i0, j - j0] = origin[i, j] == Origin.ESTIMATED
        tile[i - i0, j - j0, 0] = directed[i, j]
        tile[i - i0, j - j0, 1] = directed[j, i]
        where = np.s_[i0 : i0 + shape[0], j0 : j0 + shape[1]]
        # And written after them, for the same reason.
        self._write("pairs", where, tile)
        self._write_estimated(where, flags)

    def write_all(self, directed: Array, origin: NDArray[np.uint8]) -> None:
        """Store all pairs at once, (L, L, 20), and how they were obtained, (L, L)."""
        before = origin.copy()  # a scan may be running, which writes origins last
        upper = np.stack([directed, directed.transpose(1, 0, 2)], axis=2)
        upper[(before == Origin.MISSING) | np.tri(len(before), dtype=bool)] = np.nan
        # An estimate must never be taken for exact, whenever the process ends.
        self._write_estimated(slice(None), np.triu(before == Origin.ESTIMATED))
        self._write("pairs", slice(None), upper)

    def write_checks(self, checks: Checks) -> None:
        """Store which pairs of a superposed scan are computed exactly."""
        with _explained(self.path):
            self._group.create_array(
                "checked", data=checks.estimates, compressors=_COMPRESSORS, overwrite=True
            )
            self._group.attrs["checks"] = {
                "pairs": checks.pairs.tolist(),
                "stratum": checks.stratum.tolist(),
                "sizes": list(checks.sizes),
                "threshold": _to_json(checks.threshold),
            }

    def write_audit(self, audit: Audit) -> None:
        """Store the measured error of a superposed scan."""
        with _explained(self.path):
            self._group.attrs["audit"] = {
                name: _to_json(value) for name, value in asdict(audit).items()
            }

    def read_checks(self) -> tuple[Checks | None, Audit | None]:
        """Return what `write_checks` and `write_audit` stored; None while there is nothing."""
        kept: Any = self._group.attrs.get("checks")
        estimates = None if kept is None else self._read_whole("checked")
        if estimates is None or np.isnan(estimates).any():
            return None, None
        checks = Checks(
            pairs=np.array(kept["pairs"], dtype=np.int64).reshape(-1, 2),
            stratum=np.array(kept["stratum"], dtype=np.int64),
            sizes=tuple(kept["sizes"]),
            threshold=_from_json(kept["threshold"]),
            estimates=estimates,
        )
        audit: Any = self._group.attrs.get("audit")
        if audit is None:
            return checks, None
        figures: dict[str, Any] = {name: _from_json(value) for name, value in audit.items()}
        return checks, Audit(**figures)

    def write_noise_floor(self, floor: float) -> None:
        """Keep the noise floor of the scan with where its numbers come from."""
        with _explained(self.path):
            self._group.attrs["provenance"] = {**self.metadata["provenance"], "noise_floor": floor}

    def _write_estimated(self, where: Any, flags: NDArray[np.bool_]) -> None:
        """Write flags; where none were set and none are, nothing is touched."""
        if "estimated" not in self._group:
            if not flags.any():
                return
            with _explained(self.path):
                self._group.attrs["format_version"] = FORMAT_VERSION
                _create_estimated(self._group, len(self.metadata["sequence"]))
        if flags.any() or np.asarray(self._array("estimated")[where]).any():
            self._write("estimated", where, flags.astype(np.uint8))

    def _array(self, name: str) -> zarr.Array[Any]:
        array = self._group[name]
        if not isinstance(array, zarr.Array):
            raise StoreError(f"{self.path} is damaged: {name!r} is no array")
        return array

    def _read_whole(self, name: str) -> Array | None:
        try:
            values: Array = np.asarray(self._array(name)[:])
        except Exception as error:
            self._warn_damaged(name, error)
            return None
        return None if np.isnan(values).all() else values

    def _read_chunks(self, name: str) -> NDArray[Any]:
        """Read an array tile by tile if it cannot be read whole; damaged tiles become NaN or 1."""
        array = self._array(name)
        try:
            return np.asarray(array[:])
        except Exception:
            damaged = np.nan if np.issubdtype(array.dtype, np.floating) else 1
            values = np.full(array.shape, damaged, dtype=array.dtype)
        for i in range(0, array.shape[0], TILE):
            for j in range(i, array.shape[1], TILE):
                where = np.s_[i : i + TILE, j : j + TILE]
                try:
                    values[where] = array[where]
                except Exception as error:
                    self._warn_damaged(f"chunk {i // TILE},{j // TILE} of {name}", error)
        return values

    def _warn_damaged(self, what: str, error: Exception) -> None:
        warnings.warn(
            f"{what} in {self.path} is damaged and will be computed again ({error})", stacklevel=3
        )

    def _write(self, name: str, where: Any, values: Array) -> None:
        with _explained(self.path):
            self._array(name)[where] = values


def _create_estimated(group: zarr.Group, length: int) -> None:
    group.create_array(
        "estimated",
        shape=(length, length),
        chunks=(TILE, TILE),
        dtype="uint8",
        fill_value=0,
        compressors=_COMPRESSORS,
    )


def _to_json(value: float) -> float | str:
    """Write what is not finite as text: JSON has no numbers for it."""
    return value if math.isfinite(value) else repr(float(value))


def _from_json(value: float | str) -> float:
    return float(value) if isinstance(value, str) else value


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn what the file system says into what to do about it."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = "the disk is full: free some space and resume"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            reason = "this place is read-only for you: choose a folder you can write to"
        elif error.errno in (errno.ENOTDIR, errno.EEXIST):
            reason = "part of the path is a file, not a folder: choose another path"
        elif error.errno == errno.ENOTEMPTY:
            reason = "another process has just written something there: try again"
        else:
            reason = str(error)
        raise StoreError(f"cannot write the scan to {folder}: {reason}") from error


def _shortened(sequence: str) -> str:
    return sequence if len(sequence) <= 12 else f"{sequence[:10]}..."
