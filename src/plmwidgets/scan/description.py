"""What a store says about itself, kept twice and under a checksum, and the arrays it has."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec
from zarr.storage import MemoryStore

from plmwidgets._warn import warn
from plmwidgets.scan.blocks import TILE
from plmwidgets.scan.places import DamagedStoreError, Place, StoreError, is_damage

FORMAT = "plmwidgets-pair-scan"
FORMAT_VERSION = 3
"""1 and 2 have no checksum of the description; 2 marked its estimates in an array of flags."""

COMPRESSORS = [ZstdCodec(level=1), Crc32cCodec()]
ARRAYS = ("single", "effect", "pairs", "scattered", "estimates")
ROOT = "zarr.json"
COPY = "pairs/zarr.json"

Description = dict[str, Any]


def create(place: Place, description: Mapping[str, Any]) -> None:
    """Create an empty store at a place that holds none.

    The arrays come first and the root last, at once: a store is there whole or not at all, and
    what a killed process has left is written over. Of two processes that create at one place, the
    first root stays; the later process finds it there, and whether it is of its own scan.

    Raises
    ------
    OSError
        If the place cannot be written to.
    """
    sealed = seal({"format": FORMAT, "format_version": FORMAT_VERSION, **description})
    for name, (content, _) in _expected(sealed).items():
        place.write(f"{name}/zarr.json", content)
    place.write_new(ROOT, _group(sealed))


def is_free(place: Place) -> bool:
    """Tell whether a store can be created: nothing is there but what a creation has left."""
    names = [name for name in place.names() if not name.endswith(".partial")]
    return set(names) <= {*ARRAYS} and not any("c" in place.names(name) for name in names)


def read(place: Place) -> Description:
    """Return what a store says about itself; what is damaged of it is named and mended.

    Raises
    ------
    FileNotFoundError
        If there is no store.
    StoreError
        If it is none, cannot be read, or is one of a newer format.
    """
    try:
        content = place.read(ROOT)
        if content is None and is_free(place):
            if not place.recover():
                raise FileNotFoundError(f"there is no pair scan at {place}")
            content = place.read(ROOT)
        found = _attributes(content)
        copy = {} if _is_sound(found) else _attributes(place.read(COPY)).get("description", {})
    except FileNotFoundError:
        raise
    except NotADirectoryError as error:
        raise StoreError(
            f"there is no pair scan at {place}: part of the path is a file, choose another path"
        ) from error
    except Exception as error:  # drivers of URLs have errors of their own
        raise StoreError(f"{place} cannot be read: {error}") from error
    if unseal(copy) is not None:
        warn(f"the description of the scan in {place} was damaged and is written again")
        found = copy
        with suppress(OSError):  # to read it, the copy will do
            place.write(ROOT, _group(copy))
    if int(found.get("format_version", 0)) > FORMAT_VERSION and found.get("format") == FORMAT:
        raise StoreError(
            f"{place} was written by a newer plmwidgets "
            f"({found['provenance'].get('plmwidgets')}): upgrade this one to read it"
        )
    if not _is_sound(found):
        if content is None or found.get("format") == FORMAT or not found:
            raise DamagedStoreError(
                f"{place} is not a pair scan of plmwidgets that can be read: what describes it is "
                "damaged. Use another path, or remove it"
            )
        raise StoreError(f"{place} is not a pair scan of plmwidgets")
    if place.read("estimated/zarr.json") is not None:
        raise StoreError(
            f"{place} holds estimates in the layout of a plmwidgets before 0.1.0: scan again, at "
            "another path"
        )
    return found


def open_arrays(place: Place, description: Description) -> dict[str, "zarr.Array[Any]"]:
    """Open the arrays of a store, by name; one that is not described as it must be is mended.

    Raises
    ------
    StoreError
        If the place does not answer.
    OSError
        If one needs to be mended and the place cannot be written to.
    """
    store = place.zarr()
    arrays = {}
    older = description["format_version"] < FORMAT_VERSION
    for name, (content, expected) in _expected(description).items():
        try:
            array = zarr.open_array(store, path=name, mode="r+", zarr_format=3)
            sound = older or (
                _layout(array) == _layout(expected)
                and (name != "pairs" or array.attrs.get("description") == description)
            )
        except Exception as error:
            if not is_damage(place, f"{name}/zarr.json"):
                raise StoreError(f"{place} cannot be read: {error}") from error
            sound = False
        if not sound:
            if not older:  # those had fewer arrays
                warn(f"the description of {name} in {place} was damaged and is written again")
            place.write(f"{name}/zarr.json", content)
            array = zarr.open_array(store, path=name, mode="r+", zarr_format=3)
        arrays[name] = array
    return arrays


def seal(values: Mapping[str, Any]) -> dict[str, Any]:
    """Add a checksum to what is to be written as JSON."""
    return {**values, "checksum": _checksum(values)}


def unseal(sealed: Any) -> dict[str, Any] | None:
    """Return what was sealed, without its checksum; None if it is missing or damaged."""
    if not isinstance(sealed, dict):
        return None
    values = {name: value for name, value in sealed.items() if name != "checksum"}
    return values if sealed.get("checksum") == _checksum(values) else None


def _checksum(values: Mapping[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _is_sound(found: Description) -> bool:
    if found.get("format") != FORMAT or "format_version" not in found:
        return False
    if "checksum" in found or int(found["format_version"]) >= FORMAT_VERSION:
        return unseal(found) is not None
    return True


def _attributes(content: bytes | None) -> dict[str, Any]:
    try:
        attributes = json.loads(content or b"")["attributes"]
    except (ValueError, KeyError, TypeError):
        return {}
    return attributes if isinstance(attributes, dict) else {}


def _group(attributes: Mapping[str, Any]) -> bytes:
    group = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    return json.dumps(group, indent=2).encode()


def _expected(description: Description) -> dict[str, tuple[bytes, "zarr.Array[Any]"]]:
    """Describe the arrays of a scan, made in memory: what to write, and what to compare with."""
    length = len(description["sequence"])
    exact = description["identity"].get("dtype") == "float64"
    arrays = {}
    for name in ARRAYS:
        shape, chunks = {
            "single": ((length, 20), (length, 20)),
            "effect": ((length, length), (length, length)),
        }.get(name, ((length, length, 2, 20), (TILE, TILE, 2, 20)))
        dtype = description.get("dtype", "float64" if exact else "float32")
        files: dict[str, Any] = {}
        array = zarr.create_array(
            MemoryStore(files),
            shape=shape,
            chunks=chunks,
            dtype="float32" if name == "effect" else dtype,
            fill_value=float("nan"),
            compressors=COMPRESSORS,
            attributes={"description": description} if name == "pairs" else {},
        )
        arrays[name] = (files["zarr.json"].to_bytes(), array)
    return arrays


def _layout(array: "zarr.Array[Any]") -> tuple[Any, ...]:
    """Return what decides how chunks are found and read; the rest differs between zarrs."""
    metadata: Any = array.metadata
    codecs = [codec.to_dict()["name"] for codec in metadata.codecs]
    keys = metadata.chunk_key_encoding.to_dict()
    return array.shape, array.chunks, array.dtype, repr(array.fill_value), codecs, keys
