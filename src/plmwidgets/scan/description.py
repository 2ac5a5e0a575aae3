"""What a store says about itself, kept twice and under a checksum, and the arrays it has."""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec
from zarr.storage import MemoryStore

from plmwidgets._warn import warn
from plmwidgets.scan.places import DamagedStoreError, Place, StoreError, is_damage

COMPRESSORS = [ZstdCodec(level=1), Crc32cCodec()]
ROOT = "zarr.json"

Description = dict[str, Any]
Layout = tuple[tuple[int, ...], tuple[int, ...], str]
"""Of an array: shape, that of a chunk, and the type of its numbers."""


@dataclass(frozen=True)
class Kind:
    """What a store holds.

    Attributes
    ----------
    name, noun : str
        What people call it, such as ``"pair scan"``, and in short, ``"scan"``.
    format : str
        What its files call it.
    version : int
        Of the format; what is of a newer one is refused.
    arrays : tuple of str
        Names of its arrays; the first one keeps the copy of the description.
    layout : callable
        Returns the `Layout` of each array, by name, of what is described.
    """

    name: str
    noun: str
    format: str
    version: int
    arrays: tuple[str, ...]
    layout: Callable[[Description], dict[str, Layout]]

    @property
    def keeper(self) -> str:
        """The array that keeps the copy of the description."""
        return self.arrays[0]


def create(place: Place, kind: Kind, description: Mapping[str, Any]) -> None:
    """Create an empty store at a place that holds none.

    The arrays come first and the root last, at once: a store is there whole or not at all, and
    what a killed process has left is written over. Of two processes that create at one place, the
    first root stays; the later process finds it there, and whether it is of its own work.

    Raises
    ------
    OSError
        If the place cannot be written to.
    """
    sealed = seal({"format": kind.format, "format_version": kind.version, **description})
    for name, (content, _) in _expected(kind, sealed).items():
        place.write(f"{name}/zarr.json", content)
    place.write_new(ROOT, _group(sealed))


def is_free(place: Place, kind: Kind) -> bool:
    """Tell whether a store can be created: nothing is there but what a creation has left."""
    left = {"": {*kind.arrays}, **{name: {ROOT} for name in kind.arrays}}
    return all(
        name.endswith(".partial") or name in expected
        for folder, expected in left.items()
        for name in place.names(folder)
    )


def read(place: Place, kind: Kind) -> Description:
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
        if content is None and is_free(place, kind):
            if not place.recover():
                raise FileNotFoundError(f"there is no {kind.name} at {place}")
            content = place.read(ROOT)
        found = _attributes(content)
        copy = {}
        if not _is_sound(kind, found):
            copy = _attributes(place.read(f"{kind.keeper}/zarr.json")).get("description", {})
    except FileNotFoundError:
        raise
    except NotADirectoryError as error:
        raise StoreError(
            f"there is no {kind.name} at {place}: part of the path is a file, choose another path"
        ) from error
    except Exception as error:  # drivers of URLs have errors of their own
        raise StoreError(f"{place} cannot be read: {error}") from error
    if unseal(copy) is not None and copy.get("format") == kind.format:
        warn(f"the description of the {kind.noun} in {place} was damaged and is written again")
        found = copy
        with suppress(OSError):  # to read it, the copy will do
            place.write(ROOT, _group(copy))
    if found.get("format") == kind.format and int(found.get("format_version", 0)) > kind.version:
        raise StoreError(
            f"{place} was written by a newer plmwidgets "
            f"({found['provenance'].get('plmwidgets')}): upgrade this one to read it"
        )
    if not _is_sound(kind, found):
        known = (place.read(f"{name}/{ROOT}") is not None for name in kind.arrays)
        if found.get("format") == kind.format or (not found and any(known)):
            raise DamagedStoreError(
                f"{place} is not a {kind.name} of plmwidgets that can be read: what describes it "
                "is damaged. Use another path, or remove it"
            )
        raise StoreError(
            f"{place} is not a {kind.name} of plmwidgets, but holds something else: choose another "
            "path"
        )
    return found


def open_arrays(place: Place, kind: Kind, description: Description) -> dict[str, "zarr.Array[Any]"]:
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
    older = description["format_version"] < kind.version
    for name, (content, expected) in _expected(kind, description).items():
        try:
            array = zarr.open_array(store, path=name, mode="r+", zarr_format=3)
            sound = older or (
                _layout(array) == _layout(expected)
                and (name != kind.keeper or array.attrs.get("description") == description)
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


def _is_sound(kind: Kind, found: Description) -> bool:
    if found.get("format") != kind.format or "format_version" not in found:
        return False
    if "checksum" in found or int(found["format_version"]) >= kind.version:
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


def _expected(kind: Kind, description: Description) -> dict[str, tuple[bytes, "zarr.Array[Any]"]]:
    """Describe the arrays of a store, made in memory: what to write, and what to compare with."""
    arrays = {}
    for name, (shape, chunks, dtype) in kind.layout(description).items():
        files: dict[str, Any] = {}
        array = zarr.create_array(
            MemoryStore(files),
            shape=shape,
            chunks=chunks,
            dtype=dtype,
            fill_value=float("nan"),
            compressors=COMPRESSORS,
            attributes={"description": description} if name == kind.keeper else {},
        )
        arrays[name] = (files["zarr.json"].to_bytes(), array)
    return arrays


def _layout(array: "zarr.Array[Any]") -> tuple[Any, ...]:
    """Return what decides how chunks are found and read; the rest differs between zarrs."""
    metadata: Any = array.metadata
    codecs = [codec.to_dict()["name"] for codec in metadata.codecs]
    keys = metadata.chunk_key_encoding.to_dict()
    return array.shape, array.chunks, array.dtype, repr(array.fill_value), codecs, keys
