"""Pair scans on disk: a Zarr group that a running scan fills and that `save` writes.

One chunk of ``pairs`` is one block of the scan and is written whole, so a killed process loses at
most the blocks in flight and a resumed scan recomputes just the chunks that are missing. Each chunk
carries a checksum: damage is found when it is read, reported, and counts as missing.

Processes may scan into one store at the same time, by whatever methods, without a lock: whole
blocks, single exact pairs and estimates lie in arrays of their own, so that a chunk is only ever
replaced by one that holds the same.
"""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from plmwidgets._version import __version__
from plmwidgets._warn import warn
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.scan import description
from plmwidgets.scan.audit import Audit, Checks
from plmwidgets.scan.blocks import TILE, Block
from plmwidgets.scan.origin import Origin
from plmwidgets.scan.places import Place, StoreError, explained, is_damage, place_of

__all__ = ["PairStore", "StoreError"]

Array = NDArray[np.floating[Any]]
BAND = 8 * TILE


class PairStore:
    """The results of one pair scan in a folder, or at a URL.

    Arrays of the Zarr group, with L residues:

    ``single`` (L, 20)
        log p(. | {i}).
    ``effect`` (L, L)
        The effect predicted from single masks, which orders the pairs.
    ``pairs`` (L, L, 2, 20)
        At ``[i, j]`` with i < j: log p(i | {i, j}) and log p(j | {i, j}), exact, in whole blocks.
    ``scattered`` (L, L, 2, 20)
        The same for the exact pairs of a superposed scan, which are some of a block.
    ``estimates`` (L, L, 2, 20)
        The same, estimated by a superposed pass; they stay where an exact pair has come.
    ``checked`` (m, 2, 20)
        Estimates of the pairs that a superposed scan computes exactly.

    What is not computed yet is NaN. Open one with `create` or `open`.
    """

    def __init__(self, place: Place, kept: Mapping[str, Any], optional: bool = False) -> None:
        self.place = place
        self._kept = dict(kept)
        self._optional = optional
        self._warned = False
        self._damaged: set[str] = set()
        with self._writing(always=True):
            self._arrays = description.open_arrays(place, self._kept)

    def __repr__(self) -> str:
        return f"PairStore({str(self.path)!r})"

    @property
    def path(self) -> Path | str:
        """Where it is: a folder, or a URL."""
        return self.place.path

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str] | Place,
        *,
        sequence: str,
        labels: Sequence[str],
        name: str,
        identity: Mapping[str, str],
        positions: Sequence[int] | None = None,
        dtype: str = "float32",
        provenance: Mapping[str, Any] | None = None,
        optional: bool = False,
    ) -> "PairStore":
        """Create an empty store where none is yet, as `description.is_free` tells.

        If another process was faster, the store is the one that it made: `check` tells whose.

        Parameters
        ----------
        optional : bool
            What cannot be written later is told in a warning instead of an error.

        Raises
        ------
        StoreError
            If the place cannot be written to.
        """
        place = place_of(path)
        with explained(place):
            described = {
                "sequence": sequence,
                "labels": list(labels),
                "name": name,
                "identity": dict(identity),
                "positions": None if positions is None else [int(p) for p in positions],
                "dtype": dtype,
                "amino_acids": AMINO_ACIDS,
                "provenance": {"plmwidgets": __version__, **(provenance or {})},
            }
            description.create(place, described)
        return cls.open(place, optional=optional)

    @classmethod
    def open(cls, path: str | os.PathLike[str] | Place, *, optional: bool = False) -> "PairStore":
        """Open a store, or a saved result.

        Raises
        ------
        FileNotFoundError
            If there is nothing at this path, or an empty folder.
        StoreError
            If it is no pair scan, or one of a newer format.
        """
        place = place_of(path)
        return cls(place, description.read(place), optional)

    @property
    def metadata(self) -> dict[str, Any]:
        """Sequence, labels, name, identity, positions and provenance."""
        floor = description.unseal(self._arrays["single"].attrs.get("noise_floor"))
        measured = {} if floor is None else {"noise_floor": floor["value"]}
        return {**self._kept, "provenance": {**self._kept["provenance"], **measured}}

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
        effect = self._read_whole("effect")
        if "effect" in self._damaged:
            # A finished scan needs it no more: it must not be named damaged for ever.
            with suppress(StoreError):
                self._write("effect", slice(None), np.nan)
        return effect

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
        directed = _directed(self._read_chunks("pairs"))
        origin = np.where(_known(directed), Origin.EXACT, Origin.MISSING).astype(np.uint8)
        for name, of in (("scattered", Origin.EXACT), ("estimates", Origin.ESTIMATED)):
            if self._has_chunks(name):
                others = _directed(self._read_chunks(name))
                taken = _known(others) & (origin == Origin.MISSING)
                directed[taken] = others[taken]
                origin[taken] = of
        return directed, origin

    def write_block(self, block: Block, directed: Array, origin: NDArray[np.uint8]) -> None:
        """Store the exact pairs of a block, of the whole scan's arrays (L, L, 20) and (L, L)."""
        length = len(directed)
        i0, j0 = block.row * TILE, block.column * TILE
        shape = (min(TILE, length - i0), min(TILE, length - j0), 2, 20)
        tile = np.full(shape, np.nan, dtype=directed.dtype)
        i, j = block.pairs.T
        # Read before the numbers: an estimate must never be taken for exact.
        exact = origin[i, j] == Origin.EXACT
        i, j = i[exact], j[exact]
        tile[i - i0, j - j0, 0] = directed[i, j]
        tile[i - i0, j - j0, 1] = directed[j, i]
        where = np.s_[i0 : i0 + shape[0], j0 : j0 + shape[1]]
        self._write("pairs" if exact.all() else "scattered", where, tile)
        if f"chunk {block.row},{block.column} of estimates" in self._damaged:
            self._write("estimates", where, np.full_like(tile, np.nan))  # which removes it

    def write_all(self, directed: Array, origin: NDArray[np.uint8]) -> None:
        """Fill a new store: all pairs, (L, L, 20), and how they were obtained, (L, L)."""
        before = origin.copy()  # a scan may be running, which writes origins last
        self.write_estimates(directed, before)
        self._write_pairs("pairs", directed, before == Origin.EXACT)

    def write_estimates(self, directed: Array, origin: NDArray[np.uint8]) -> None:
        """Store the estimated pairs, of the whole scan's arrays (L, L, 20) and (L, L)."""
        self._write_pairs("estimates", directed, origin == Origin.ESTIMATED)

    def _write_pairs(self, name: str, directed: Array, wanted: NDArray[np.bool_]) -> None:
        length = len(wanted)
        for i in range(0, length, BAND):  # in bands, as the whole takes gigabytes
            rows, columns = slice(i, min(i + BAND, length)), slice(i, length)
            upper = np.triu(wanted[rows, columns], 1)
            if upper.any():
                both = np.stack(
                    [directed[rows, columns], directed[columns, rows].transpose(1, 0, 2)], axis=2
                )
                both[~upper] = np.nan
                self._write(name, (rows, columns), both)

    def write_checks(self, checks: Checks) -> None:
        """Store which pairs of a superposed scan are computed exactly."""
        chosen = {
            "pairs": checks.pairs.tolist(),
            "stratum": checks.stratum.tolist(),
            "sizes": list(checks.sizes),
            "threshold": _to_json(checks.threshold),
        }
        with self._writing():
            self._arrays["checked"] = zarr.create_array(
                self.place.zarr(),
                name="checked",
                data=checks.estimates,
                compressors=description.COMPRESSORS,
                attributes={"checks": description.seal(chosen)},
                overwrite=True,
            )

    def write_audit(self, audit: Audit) -> None:
        """Store the measured error of a superposed scan."""
        figures = {name: _to_json(value) for name, value in asdict(audit).items()}
        with self._writing():
            self._checked().attrs["audit"] = description.seal(figures)

    def read_checks(self) -> tuple[Checks | None, Audit | None]:
        """Return what `write_checks` and `write_audit` stored; None while there is nothing."""
        if not self._has_chunks("checked"):
            return None, None
        try:
            attributes = self._checked().attrs
            estimates = np.asarray(self._checked()[:])
        except Exception as error:
            self._warn_damaged("the set of checked pairs", "checked/c/0/0/0", error)
            return None, None
        kept = description.unseal(attributes.get("checks"))
        if kept is None or np.isnan(estimates).any():
            problem = ValueError("its checksum does not fit")
            self._warn_damaged("the set of checked pairs", "checked/zarr.json", problem)
            return None, None
        checks = Checks(
            pairs=np.array(kept["pairs"], dtype=np.int64).reshape(-1, 2),
            stratum=np.array(kept["stratum"], dtype=np.int64),
            sizes=tuple(kept["sizes"]),
            threshold=_from_json(kept["threshold"]),
            estimates=estimates,
        )
        audit = description.unseal(attributes.get("audit"))
        if audit is None:
            return checks, None
        figures: dict[str, Any] = {name: _from_json(value) for name, value in audit.items()}
        return checks, Audit(**figures)

    def write_noise_floor(self, floor: float) -> None:
        """Keep the noise floor of the scan with where its numbers come from."""
        with self._writing():
            self._arrays["single"].attrs["noise_floor"] = description.seal({"value": floor})

    def _checked(self) -> "zarr.Array[Any]":
        if "checked" not in self._arrays:
            self._arrays["checked"] = zarr.open_array(
                self.place.zarr(), path="checked", mode="r+", zarr_format=3
            )
        return self._arrays["checked"]

    def _has_chunks(self, name: str) -> bool:
        return "c" in self.place.names(name)

    def _read_whole(self, name: str) -> Array | None:
        try:
            values: Array = np.asarray(self._arrays[name][:])
        except Exception as error:
            self._warn_damaged(name, f"{name}/c/0/0", error)
            return None
        return None if np.isnan(values).all() else values

    def _read_chunks(self, name: str, where: tuple[slice, slice] | None = None) -> Array:
        """Read an array, or part of it by whole chunks; what is damaged is NaN."""
        array = self._arrays[name]
        rows, columns = where or (slice(0, array.shape[0]), slice(0, array.shape[1]))
        try:
            return np.asarray(array[rows, columns])
        except Exception as error:
            size = (rows.stop - rows.start, columns.stop - columns.start)
            if max(size) <= TILE:
                i, j = rows.start // TILE, columns.start // TILE
                self._warn_damaged(f"chunk {i},{j} of {name}", f"{name}/c/{i}/{j}/0/0", error)
                return np.full((*size, *array.shape[2:]), np.nan, dtype=array.dtype)
        # In halves, down to the chunks that are damaged.
        axis = int(size[1] > size[0])
        split = (rows, columns)[axis]
        middle = split.start + max(TILE, size[axis] // 2 // TILE * TILE)
        halves = slice(split.start, middle), slice(middle, split.stop)
        parts = [(half, columns) if axis == 0 else (rows, half) for half in halves]
        return np.concatenate([self._read_chunks(name, part) for part in parts], axis=axis)

    def _warn_damaged(self, what: str, key: str, error: Exception) -> None:
        if isinstance(error, MemoryError) or not is_damage(self.place, key):
            raise StoreError(f"{self.path} cannot be read: {error}") from error
        if what not in self._damaged:
            warn(f"{what} in {self.path} is damaged and will be computed again ({error})")
        self._damaged.add(what)

    def _write(self, name: str, where: Any, values: Array | float) -> None:
        with self._writing():
            self._arrays[name][where] = values

    @contextmanager
    def _writing(self, always: bool = False) -> Iterator[None]:
        try:
            with explained(self.place):
                yield
        except StoreError as error:
            if always or not self._optional:
                raise
            if not self._warned:
                warn(f"{error}. The scan goes on in memory; `save` keeps it elsewhere.")
            self._warned = True


def _directed(upper: Array) -> Array:
    """Turn (L, L, 2, 20), known for i < j, into (L, L, 20), known both ways round."""
    directed: Array = upper[:, :, 0].copy()
    rows, columns = np.triu_indices(len(directed), 1)
    directed[columns, rows] = upper[rows, columns, 1]
    return directed


def _known(directed: Array) -> NDArray[np.bool_]:
    there: NDArray[np.bool_] = np.isfinite(directed[..., 0])
    there &= there.T.copy()
    np.fill_diagonal(there, False)
    return there


def _to_json(value: float) -> float | str:
    """Write what is not finite as text: JSON has no numbers for it."""
    return value if math.isfinite(value) else repr(float(value))


def _from_json(value: float | str) -> float:
    return float(value) if isinstance(value, str) else value


def _shortened(sequence: str) -> str:
    return sequence if len(sequence) <= 12 else f"{sequence[:10]}..."
