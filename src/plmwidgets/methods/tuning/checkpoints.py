"""Where a training keeps how far it is, so that a killed session loses little."""

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from plmwidgets.models.checkpoint import first_line

SETTINGS: Final = "training.json"
_FORMAT: Final = "plmwidgets training 1"
_PREFIX: Final = "checkpoint-"
_COURSE: Final = "course.json"
_GROUPS: Final = ("weights", "optimizer", "best")

Groups = Mapping[str, Mapping[str, torch.Tensor]]


class TrainingFolder:
    """A folder with one training: its settings, its latest checkpoint and, at the end, the result.

    Parameters
    ----------
    path : path
        Made if need be.
    settings : mapping
        What another training must share to go on with it, see `fingerprint`.

    Raises
    ------
    ValueError
        If the folder cannot be written to, or holds something else, or a training with other
        settings, saying which.
    """

    def __init__(self, path: str | os.PathLike[str], settings: Mapping[str, Any]) -> None:
        self.path = Path(path).expanduser().resolve()
        self._number = 0  # of the checkpoint that was read or written last
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"{self.path} is a file: give a folder for the training")
        file = self.path / SETTINGS
        if file.is_file():
            self._check(_read_json(file), settings)
        elif self.path.exists() and any(self.path.iterdir()):
            raise ValueError(f"{self.path} holds something else: choose an empty or a new folder")
        else:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                _write_json(file, {"format": _FORMAT, **settings})
            except OSError as error:
                raise ValueError(
                    f"{self.path} cannot be written to ({first_line(error)}): choose another folder"
                ) from error

    def write(self, course: Mapping[str, Any], groups: Groups) -> None:
        """Keep a checkpoint in place of the one before: whole, or not at all.

        Raises
        ------
        RuntimeError
            If another process has written one meanwhile, which stays.
        """
        place = self.path / f"{_PREFIX}{self._number + 1:06d}"
        partial = place.with_name(f"{place.name}.{uuid.uuid4().hex}.partial")
        try:
            self._check_alone()
            partial.mkdir()
            for name in _GROUPS:
                tensors = {key: t.detach().cpu().contiguous() for key, t in groups[name].items()}
                save_file(tensors, partial / f"{name}.safetensors")
            _write_json(partial / _COURSE, course)
            partial.rename(place)  # which replaces nothing
        except (OSError, SafetensorError):
            self._check_alone()
            raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        self._number += 1
        for old in (*self._checkpoints()[:-1], *self.path.glob(f"{_PREFIX}*.partial")):
            shutil.rmtree(old, ignore_errors=True)

    def read(self) -> tuple[dict[str, Any], dict[str, dict[str, torch.Tensor]]] | None:
        """Return the latest checkpoint; None where there is none.

        Raises
        ------
        ValueError
            If it is damaged.
        """
        found = self._checkpoints()
        if not found:
            return None
        latest = found[-1]
        self._number = _number_of(latest)
        try:
            groups = {name: load_file(latest / f"{name}.safetensors") for name in _GROUPS}
        except (OSError, SafetensorError, ValueError) as error:
            raise ValueError(
                f"{latest} cannot be read ({first_line(error)}): delete it to begin anew"
            ) from error
        return _read_json(latest / _COURSE), groups

    def _checkpoints(self) -> list[Path]:
        found = self.path.glob(f"{_PREFIX}*")
        return sorted(path for path in found if path.name.removeprefix(_PREFIX).isdigit())

    def _check_alone(self) -> None:
        found = self._checkpoints()
        if found and _number_of(found[-1]) > self._number:
            raise RuntimeError(
                f"another process goes on with the training in {self.path}, and has written a "
                "later checkpoint: let that one finish, or end it and call fine_tune again"
            )

    def _check(self, kept: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        if kept.get("format") != _FORMAT:
            raise ValueError(f"{self.path} holds no training of this kind: choose another folder")
        different = [
            f"{name} is {kept.get(name)!r} there and {value!r} here"
            for name, value in settings.items()
            if kept.get(name) != value
        ]
        if different:
            raise ValueError(
                f"{self.path} holds another training: {'; '.join(different)}. Choose another "
                "folder, or the same settings to go on with that one."
            )


def _number_of(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix(_PREFIX))


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{path} cannot be read ({first_line(error)}): choose another folder"
        ) from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} is not of a training: choose another folder")
    return content
