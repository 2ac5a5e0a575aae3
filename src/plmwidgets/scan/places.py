"""Where a store can lie: a local folder, or any URL that fsspec knows.

A folder and an object store take a file whole or not at all: one by renaming (zarr too, since
3.1.3), the other by its nature. Other file systems behind a URL may keep half a chunk, which its
checksum tells.
"""

import errno
import os
import shutil
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from zarr.abc.store import Store
from zarr.storage import FsspecStore, LocalStore

from plmwidgets._files import path_text

LEFT_OVER = 24 * 3600.0  # seconds after which what a killed process left unfinished is removed


class StoreError(RuntimeError):
    """A store cannot be written or read, or belongs to other work."""


class DamagedStoreError(StoreError):
    """Nothing of a store can be read."""


class Place(ABC):
    """The root of a store: files by their keys, such as ``"pairs/zarr.json"``.

    Attributes
    ----------
    path : Path or str
        A folder, or a URL.
    """

    path: Path | str

    def __str__(self) -> str:
        return str(self.path)

    @property
    @abstractmethod
    def key(self) -> str:
        """The same for all ways to name this place."""

    @abstractmethod
    def zarr(self) -> Store:
        """Open it for zarr."""

    @abstractmethod
    def read(self, key: str) -> bytes | None:
        """Return a file; None if there is none."""

    @abstractmethod
    def write(self, key: str, content: bytes) -> None:
        """Write a file whole, in place of an older one."""

    @abstractmethod
    def write_new(self, key: str, content: bytes) -> bool:
        """Write a file unless there is one; returns whether it was written."""

    @abstractmethod
    def names(self, key: str = "") -> list[str]:
        """Return what lies in a folder; nothing if it does not exist.

        Raises
        ------
        NotADirectoryError
            If it is a file.
        """

    @abstractmethod
    def remove(self) -> None:
        """Remove the store."""

    @abstractmethod
    def tidy(self) -> None:
        """Remove what processes that were killed long ago have not finished writing."""

    def recover(self) -> bool:
        """Finish a replacement in which a process was killed; returns whether there was one."""
        return False

    @abstractmethod
    def sibling(self) -> "Place":
        """Return a place of another name beside this one, for a store that is to replace this."""

    @abstractmethod
    def replace_by(self, fresh: "Place") -> None:
        """Take over what a sibling holds; what is here is removed last."""


def place_of(path: "str | os.PathLike[str] | Place") -> Place:
    """Return the place of a folder or URL.

    Raises
    ------
    StoreError
        If nothing that is installed can reach a URL.
    TypeError, ValueError
        If it is no path, or empty.
    """
    if isinstance(path, Place):
        return path
    text = path_text(path, "path of a store")
    if "://" not in text and "::" not in text:
        return _Folder(Path(text).expanduser())
    protocol = text.partition("://")[0]
    if protocol in ("file", "local"):
        from fsspec.implementations.local import LocalFileSystem

        return _Folder(Path(LocalFileSystem._strip_protocol(text)))
    return _Url(text)


def inside(path: "str | os.PathLike[str]", name: str) -> str | Path:
    """Return the path, or the URL, of something inside a folder or URL; errors of `path_text`."""
    text = path_text(path, "path of a folder")
    return f"{text.rstrip('/')}/{name}" if "://" in text else Path(path) / name


@contextmanager
def explained(place: Place) -> Iterator[None]:
    """Turn what a file system says into what to do about it."""
    try:
        yield
    except NotImplementedError as error:
        raise StoreError(f"cannot write to {place}: this kind of place can only be read") from error
    except StoreError:
        raise
    except Exception as error:
        # Drivers of a URL have errors of their own; at a folder another error is one of ours.
        if not isinstance(error, OSError) and isinstance(place, _Folder):
            raise
        code = error.errno if isinstance(error, OSError) else None
        if code in (errno.ENOSPC, errno.EDQUOT):
            reason = "the disk is full: free some space and resume"
        elif isinstance(error, PermissionError) or code == errno.EROFS:
            reason = "this place is read-only for you: choose one that you can write to"
        elif code in (errno.ENOTDIR, errno.EEXIST):
            reason = "part of the path is a file, not a folder: choose another path"
        else:
            reason = str(error)
        raise StoreError(f"cannot write to {place}: {reason}") from error


def is_damage(place: Place, key: str) -> bool:
    """Tell a file that cannot be understood from a disk or a network that does not answer."""
    try:
        place.read(key)
    except OSError as error:
        return error.errno == errno.EIO
    except Exception:  # drivers have errors of their own
        return False
    return True


class _Folder(Place):
    def __init__(self, path: Path) -> None:
        self.path: Path = path

    @property
    def key(self) -> str:
        return str(self.path.resolve())

    def zarr(self) -> Store:
        return LocalStore(self.path)

    def read(self, key: str) -> bytes | None:
        try:
            return (self.path / key).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, key: str, content: bytes) -> None:
        with self._unfinished(key, content) as unfinished:
            unfinished.replace(self.path / key)

    def write_new(self, key: str, content: bytes) -> bool:
        with self._unfinished(key, content) as unfinished:
            try:
                os.link(unfinished, self.path / key)  # which replaces nothing
            except FileExistsError:
                return False
            except OSError:  # a file system without links: a moment in which two may both write
                if (self.path / key).exists():
                    return False
                unfinished.replace(self.path / key)
        return True

    @contextmanager
    def _unfinished(self, key: str, content: bytes) -> Iterator[Path]:
        target = self.path / key
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f"{target.name}.{uuid.uuid4().hex}.partial")
        try:
            unfinished.write_bytes(content)
            yield unfinished
        finally:
            unfinished.unlink(missing_ok=True)

    def names(self, key: str = "") -> list[str]:
        try:
            return sorted(os.listdir(self.path / key))
        except FileNotFoundError:
            return []

    def remove(self) -> None:
        shutil.rmtree(self.path)

    def tidy(self) -> None:
        # A day is long beside the moment that a file, or the minutes that a store, takes to write:
        # what another process is just writing stays, even where its clock and this one differ.
        siblings = self.path.parent.glob(f".{self.path.name}.*.new")
        for left in (*self.path.rglob("*.partial"), *siblings):
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > LEFT_OVER:
                    left.unlink() if left.is_file() else shutil.rmtree(left)

    def recover(self) -> bool:
        for older in self.path.parent.glob(f".{self.path.name}.*.old"):
            fresh = older.with_suffix(".new")
            (fresh if fresh.exists() else older).rename(self.path)
            shutil.rmtree(older, ignore_errors=True)
            return True
        return False

    def sibling(self) -> Place:
        return _Folder(self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex}.new"))

    def replace_by(self, fresh: Place) -> None:
        # Killed between the two, a process leaves what `recover` finds.
        whole = Path(fresh.path)
        older = whole.with_suffix(".old")
        self.path.rename(older)
        whole.rename(self.path)
        shutil.rmtree(older, ignore_errors=True)


class _Url(Place):
    def __init__(self, url: str) -> None:
        from fsspec.core import url_to_fs

        self.path: str = url
        try:
            self._files, root = url_to_fs(url)
            self._root: str = root.rstrip("/")
            self._store = self._zarr()
        except ImportError as error:
            raise StoreError(_missing_driver(url, error)) from error
        except ValueError as error:
            raise StoreError(f"{url} cannot be a store: {error}") from error

    @property
    def key(self) -> str:
        return self.path.rstrip("/")

    def zarr(self) -> Store:
        return self._store

    def _zarr(self) -> Store:
        if self._files.async_impl:
            return FsspecStore.from_url(self.path)
        from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper

        files = AsyncFileSystemWrapper(self._files, asynchronous=True)
        return FsspecStore(files, path=self._root)

    def read(self, key: str) -> bytes | None:
        try:
            content: bytes = self._files.cat_file(f"{self._root}/{key}")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        return content

    def write(self, key: str, content: bytes) -> None:
        self._files.pipe_file(f"{self._root}/{key}", content)

    def write_new(self, key: str, content: bytes) -> bool:
        if self._files.exists(f"{self._root}/{key}"):
            return False
        self.write(key, content)
        return True

    def names(self, key: str = "") -> list[str]:
        self._files.invalidate_cache()
        folder = f"{self._root}/{key}".rstrip("/")
        try:
            found: list[Any] = self._files.ls(folder, detail=False)
        except FileNotFoundError:
            return []
        return sorted({name.rstrip("/").rpartition("/")[2] for name in found})

    def remove(self) -> None:
        self._files.rm(self._root, recursive=True)

    def tidy(self) -> None:
        """Nothing is there: an object that was not sent whole does not exist."""

    def sibling(self) -> Place:
        return _Url(f"{self.key}.{uuid.uuid4().hex}.new")

    def replace_by(self, fresh: Place) -> None:
        # Without renaming, a store is never both whole and in place: the fresh one stays until
        # the last of its files is here.
        assert isinstance(fresh, _Url)
        self.remove()
        self._files.copy(fresh._root, self._root, recursive=True)
        fresh.remove()


def _missing_driver(url: str, error: ImportError) -> str:
    """Say which package reaches a URL."""
    from fsspec.registry import known_implementations

    protocol = url.partition("://")[0].rpartition("::")[2]
    package = known_implementations.get(protocol, {}).get("class", "").partition(".")[0]
    if package in ("", "fsspec"):
        return f"{url} cannot be reached: {error}"
    return f"{url} needs a package that is not installed: pip install {package}"
