"""Files of results: their names, and how they are written whole or not at all."""

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def archive_path(path: str | os.PathLike[str], what: str = "mutation scores") -> Path:
    """Return the path; raise `ValueError` if its name does not end in ``.npz``."""
    target = Path(path)
    if target.suffix.lower() != ".npz":
        raise ValueError(f"{what} are kept as .npz: end {target.name} in that")
    return target


def write_archive(target: Path, arrays: Mapping[str, Any]) -> None:
    """Write a numpy archive; what is there stays until the new one is whole."""
    fresh = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        with fresh.open("wb") as file:
            np.savez_compressed(file, **arrays)
        os.replace(fresh, target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
