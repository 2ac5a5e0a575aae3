"""Files of results: what they are called, and how they are written whole or not at all."""

import os
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from plmwidgets._options import flag

Result = TypeVar("Result")

_UNREADABLE: Final = (
    *(OSError, EOFError, zipfile.BadZipFile),
    *(LookupError, TypeError, AttributeError, ValueError),
)
"""What reading a file that is damaged, or of something else, may raise."""


def path_text(path: object, what: str = "path") -> str:
    """Return a path, or URL, as text.

    Raises
    ------
    TypeError
        If it is none.
    ValueError
        If it is empty, which would mean the working directory.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"the {what} must be text or a path, not {type(path).__name__}")
    text = str(os.fspath(path))
    if not text.strip():
        raise ValueError(f"the {what} is empty: give one, '.' for the working directory")
    return text


def require_file(path: Path) -> None:
    """Raise `FileNotFoundError` if there is nothing there, `ValueError` if it is no plain file."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name a file in it")
    if not path.exists():
        raise FileNotFoundError(
            f"there is no file {path.name!r} in {path.parent.resolve()}: check the path"
        )
    if not path.is_file():  # a pipe or a device may have no end
        raise ValueError(f"{path} is no plain file: copy its content into one")


def path_ending(path: str | os.PathLike[str], ending: str, what: str) -> Path:
    """Return the path of a file.

    Parameters
    ----------
    path : path
    ending : str
        What its name must end in, such as ``".npz"``.
    what : str
        What is kept in it, in the plural.

    Raises
    ------
    ValueError
        If it is empty, or its name does not end so.
    """
    target = Path(path_text(path)).expanduser()
    if target.suffix.lower() != ending:
        raise ValueError(f"{what} are kept as {ending}: end {target.name} in that")
    return target


@contextmanager
def fresh_file(target: Path, replace: bool) -> Iterator[Path]:
    """Give another path to write to, which becomes the file once all is written.

    What is there stays until then, and if anything fails.

    Parameters
    ----------
    target : Path
    replace : bool
        Whether a file that is there already may be replaced.

    Raises
    ------
    FileExistsError
        If one is there, and may not be replaced.
    FileNotFoundError
        If there is no such folder.
    OSError
        If it cannot be written.
    """
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder: give the name of a file")
    if not flag("replace", replace) and target.exists():
        raise FileExistsError(
            f"{target} exists already: choose another path, or pass replace=True to overwrite it"
        )
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"there is no folder {target.parent}: make it first, or choose another path"
        )
    # The same ending: some writers tell the kind of file by it.
    fresh = target.with_name(f".{uuid.uuid4().hex}{target.suffix}")
    try:
        yield fresh
        os.replace(fresh, target)
    except OSError as error:
        if error.errno is None:
            raise
        # Under the name that was asked for: nobody knows the other one.
        raise OSError(error.errno, error.strerror, str(target)) from error
    finally:
        fresh.unlink(missing_ok=True)


def read_archive(source: Path, read: Callable[[Any], Result], what: str, wrote: str) -> Result:
    """Return what a numpy archive holds.

    Parameters
    ----------
    source : Path
    read : callable
        Takes the archive, and may raise where it makes no sense.
    what : str
        What should be in it.
    wrote : str
        What writes such files: ``"MutationScores.save"``.

    Raises
    ------
    FileNotFoundError
        If there is nothing at this path.
    ValueError
        If it holds something else.
    """
    require_file(source)
    try:
        with np.load(source, allow_pickle=False) as archive:
            return read(archive)
    except _UNREADABLE as error:
        raise ValueError(
            f"{source.name} holds no {what} ({error}): give a file that {wrote} wrote"
        ) from error


def write_archive(target: Path, arrays: Mapping[str, Any], replace: bool) -> None:
    """Write a numpy archive; errors as those of `fresh_file`."""
    with fresh_file(target, replace) as fresh, fresh.open("wb") as file:
        np.savez_compressed(file, **arrays)
