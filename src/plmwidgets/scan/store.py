"""Pair scans on disk: a Zarr group that a running scan fills and that `save` writes.

One chunk of ``pairs`` is one block of the scan and is written whole, so a killed process loses at
most the blocks in flight and a resumed scan recomputes just the chunks that are missing. Each chunk
carries a checksum: damage is found when it is read, reported, and counts as missing.

Processes may scan into one store at the same time, by whatever methods, without a lock: whole
blocks, single exact pairs and estimates lie in arrays of their own, so that a chunk is only ever
replaced by one that holds the same.
"""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from plmwidgets.scan import description
from plmwidgets.scan.audit import Audit, Checks
from plmwidgets.scan.blocks import TILE, Block
from plmwidgets.scan.description import Description, Layout
from plmwidgets.scan.origin import Origin
from plmwidgets.scan.places import Place, StoreError
from plmwidgets.scan.stored import Array, ResultStore

__all__ = ["PAIR_SCAN", "PairStore", "StoreError"]

BAND = 8 * TILE


def _layout(described: Description) -> dict[str, Layout]:
    length = len(described["sequence"])
    exact = described["identity"].get("dtype") == "float64"
    dtype = described.get("dtype", "float64" if exact else "float32")
    pairs = (length, length, 2, 20), (TILE, TILE, 2, 20), dtype
    square = (length, length)
    alone = (length, 20)
    return {
        "pairs": pairs,
        "single": (alone, alone, dtype),
        "effect": (square, square, "float32"),
        "scattered": pairs,
        "estimates": pairs,
    }


PAIR_SCAN = description.Kind(
    name="pair scan",
    noun="scan",
    format="plmwidgets-pair-scan",
    # 1 and 2 have no checksum of the description; 2 marked its estimates in an array of flags.
    version=3,
    arrays=("pairs", "single", "effect", "scattered", "estimates"),
    layout=_layout,
)


class PairStore(ResultStore):
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

    kind = PAIR_SCAN

    def __init__(self, place: Place, kept: Mapping[str, Any], optional: bool = False) -> None:
        if place.read("estimated/zarr.json") is not None:
            raise StoreError(
                f"{place} holds estimates in the layout of a plmwidgets before 0.1.0: scan again, "
                "at another path"
            )
        super().__init__(place, kept, optional)

    @property
    def metadata(self) -> dict[str, Any]:
        """Sequence, labels, name, identity, positions and provenance."""
        kept = super().metadata
        floor = description.unseal(self._arrays["single"].attrs.get("noise_floor"))
        measured = {} if floor is None else {"noise_floor": floor["value"]}
        return {**kept, "provenance": {**kept["provenance"], **measured}}

    def _identity(self) -> dict[str, str]:
        kept = super()._identity()
        # Scans of format 1 were all in the precision of the weights.
        own = {"bfloat16": "preview", "float16": "final"}.get(kept.get("dtype", ""), "reference")
        return {"precision": own, **kept}

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
