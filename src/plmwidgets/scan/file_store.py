"""Small results in a folder: a JSON file for each part, and one that says whose they are."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from plmwidgets.scan.places import Place, StoreError, explained

_CALLED: Final = {"identity": "model", "using": "map"}


class FileStore:
    """A folder, or URL, that is filled file by file and gone on with; base of such stores.

    Parameters
    ----------
    place : Place
    model : str
        Name of the model, for people.
    wanted : mapping
        What all that is in it shares, such as the model's ``identity``.

    Attributes
    ----------
    format, header, noun : str
        What its header says it is, the header's name, and what people call the contents.

    Raises
    ------
    StoreError
        If it cannot be written to, is something else, or shares something else.
    """

    format: ClassVar[str]
    header: ClassVar[str]
    noun: ClassVar[str]

    def __init__(self, place: Place, model: str, wanted: Mapping[str, Any]) -> None:
        self.place = place
        with explained(place):
            place.tidy()
            header = {"format": self.format, "version": 1, "model": model, **wanted}
            if place.read(self.header) is None and place.names():
                raise StoreError(f"{place} holds something else: choose another folder")
            place.write_new(self.header, json.dumps(header, indent=1).encode())
            found = _decoded(place.read(self.header))
        if found.get("format") != self.format:
            raise StoreError(f"{place} is no store of {self.noun}: choose another folder")
        for name, value in wanted.items():
            if found.get(name) != value:
                raise StoreError(
                    f"{place} holds {self.noun} of another {_CALLED[name]} ({found.get('model')}, "
                    f"{found.get(name)}), and this is {value}: choose another folder"
                )

    def read_file(self, key: str) -> dict[str, Any] | None:
        """Return what a file holds: None where there is none, nothing where it is damaged."""
        content = self.place.read(f"{key}.json")
        return None if content is None else _decoded(content)

    def write_file(self, key: str, content: Mapping[str, Any]) -> None:
        """Write a file whole, in place of an older one."""
        with explained(self.place):
            self.place.write(f"{key}.json", json.dumps(content).encode())


def _decoded(content: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(content or b"")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
