"""Where scans are kept that were given no store: a folder of stores, named by what they are of.

The environment variable ``PLMWIDGETS_CACHE`` names another folder, or turns it ``off``.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from plmwidgets.scan import description
from plmwidgets.scan.blocks import pair_blocks
from plmwidgets.scan.places import Place, StoreError, place_of
from plmwidgets.scan.store import PAIR_SCAN

VARIABLE = "PLMWIDGETS_CACHE"


@dataclass(frozen=True)
class CachedScan:
    """One scan of the cache.

    Attributes
    ----------
    key : str
        Name of its folder.
    protein, model : str
        Their names; empty where the scan cannot be read.
    residues : int
    share : float
        How much of the map there is, 0 to 1.
    estimated : bool
        Whether some of that comes from a superposed pass.
    size : int
        Bytes.
    used : datetime
        When it was opened last.
    """

    key: str
    protein: str
    model: str
    residues: int
    share: float
    estimated: bool
    size: int
    used: datetime


def cache_folder() -> Path | None:
    """Where scans are kept; None if the cache is turned off."""
    chosen = os.environ.get(VARIABLE, "")
    if chosen.lower() == "off":
        return None
    if chosen:
        return Path(chosen).expanduser() / "scans"
    from platformdirs import user_cache_path

    return user_cache_path("plmwidgets") / "scans"


def cached_place(
    sequence: str, identity: Mapping[str, str], positions: Sequence[int] | None
) -> Place | None:
    """Return where the scan of these weights, this sequence and positions is kept.

    None if the cache is turned off. Two scans share a place only if they are the same: it is named
    by a hash of all that decides their results.
    """
    folder = cache_folder()
    if folder is None:
        return None
    content = {
        "format_version": PAIR_SCAN.version,
        "sequence": sequence,
        "identity": dict(identity),
        "positions": None if positions is None else list(positions),
    }
    key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]
    return place_of(folder / key)


def mark_used(place: Place) -> None:
    """Remember that a scan of the cache was opened."""
    with suppress(OSError):
        os.utime(place.path)


def cached_scans() -> list[CachedScan]:
    """List what the cache holds, the scan used last first."""
    folder = cache_folder()
    if folder is None or not folder.is_dir():
        return []
    scans = [_entry(path) for path in folder.iterdir() if path.is_dir()]
    return sorted(scans, key=lambda scan: scan.used, reverse=True)


def clear_cache(keys: Iterable[str] = ()) -> tuple[int, int]:
    """Remove scans from the cache.

    Parameters
    ----------
    keys : iterable of str, optional
        Keys, or how they begin; all scans by default.

    Returns
    -------
    scans, size : int
        How many were removed, and how many bytes that freed.

    Raises
    ------
    ValueError
        If nothing, or more than one scan, begins so; then nothing is removed.
    OSError
        If one cannot be removed.
    """
    there = cached_scans()
    chosen = there
    if keys := list(keys):
        chosen = []
        for key in keys:
            found = [scan for scan in there if key and scan.key.startswith(key)]
            if len(found) != 1:
                raise ValueError(
                    f"{len(found) or 'no'} scans of the cache have a key that begins with {key!r}: "
                    "plmwidgets cache lists them"
                )
            chosen += [scan for scan in found if scan not in chosen]
    folder = cache_folder()
    for scan in chosen:
        assert folder is not None  # or there would be none
        shutil.rmtree(folder / scan.key)
    return len(chosen), sum(scan.size for scan in chosen)


def _entry(path: Path) -> CachedScan:
    tiles: dict[str, set[str]] = {"pairs": set(), "estimates": set()}
    size = 0
    for folder, _, names in os.walk(path):
        array, *tile = Path(folder).relative_to(path).parts or ("",)
        if array in tiles and "0" in names:
            tiles[array].add("/".join(tile))
        for name in names:
            with suppress(OSError):  # a scan that runs replaces its files
                size += (Path(folder) / name).stat().st_size
    used = datetime.fromtimestamp(path.stat().st_mtime)
    try:
        kept = description.read(place_of(path), PAIR_SCAN)
    except (StoreError, OSError):
        return CachedScan(path.name, "", "", 0, 0.0, False, size, used)
    blocks = len(pair_blocks(len(kept["sequence"]), kept["positions"]))
    share = len(tiles["pairs"] | tiles["estimates"]) / blocks
    estimated = not tiles["estimates"] <= tiles["pairs"]
    model = kept["provenance"].get("model", "")
    name, residues = kept["name"], len(kept["sequence"])
    return CachedScan(path.name, name, model, residues, share, estimated, size, used)
