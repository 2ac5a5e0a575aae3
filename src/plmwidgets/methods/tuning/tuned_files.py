"""Folders with what came of a training: written whole or not at all, never over something else."""

import json
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from plmwidgets._options import flag
from plmwidgets.methods.tuning.examples import Label, Task
from plmwidgets.models.checkpoint import Source, locate

CLASSES_FILE: Final = "classes.json"
_WRITTEN: Final = (
    *("README.md", "adapter_config.json", "adapter_model.safetensors", CLASSES_FILE),
    *("config.json", "generation_config.json", "model.safetensors", "model-*-of-*.safetensors"),
    *("model.safetensors.index.json", "tokenizer.json", "tokenizer_config.json", "vocab.*"),
    *("special_tokens_map.json", "added_tokens.json", "merges.txt", "*.model", "*.jinja"),
)
"""What peft and transformers write for a model."""


@contextmanager
def fresh_folder(target: Path, replace: bool) -> Iterator[Path]:
    """Give another folder to write to, which becomes the target once all is written.

    What is there stays until then, and if anything fails.

    Raises
    ------
    FileExistsError
        If a model is there and may not be replaced, or anything else.
    ValueError
        If the target is a file.
    """
    target = target.resolve()
    if target.exists() and not target.is_dir():  # transformers would write nothing, and go on
        raise ValueError(f"{target} is a file: give a folder for what came of the training")
    there = sorted(target.iterdir()) if target.exists() else []
    for path in there:
        if path.is_dir() or not any(fnmatch(path.name, name) for name in _WRITTEN):
            raise FileExistsError(
                f"{target} holds {path.name}, which is of no saved model: choose another folder"
            )
    if not flag("replace", replace) and there:
        raise FileExistsError(
            f"{target} exists already: choose another path, or pass replace=True to overwrite a "
            "saved model"
        )
    fresh = target.with_name(f".{target.name}.{uuid.uuid4().hex}.new")
    fresh.mkdir(parents=True)
    try:
        yield fresh
        if target.exists():
            older = target.rename(fresh.with_suffix(".old"))
            fresh.rename(target)
            shutil.rmtree(older, ignore_errors=True)
        else:
            fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def revision_of(network: Any) -> str:
    """Return the revision that a network will have once it is written and loaded from there."""
    with TemporaryDirectory() as folder:
        network.save_pretrained(folder)
        return locate(Source("tuned", "tuned", Path(folder), tokenizer=False)).revision


def write_tuned(
    place: Path, network: Any, tokenizer: Any, task: Task, classes: Sequence[Label]
) -> None:
    """Write a network in a folder: an adapter as peft does, or all of it as transformers does.

    Parameters
    ----------
    place : Path
    network : peft.PeftModel or transformers.PreTrainedModel
    tokenizer : transformers.PreTrainedTokenizerBase
        Written beside a whole network.
    task : str
    classes : sequence of str or int
        Of a classifier.
    """
    if hasattr(network, "peft_config"):
        # By default peft would look for the model on the hub.
        network.save_pretrained(place, save_embedding_layers=False)
    else:
        network.save_pretrained(place)
        tokenizer.save_pretrained(place)
    if classes:
        content = {"task": task, "classes": list(classes)}
        (place / CLASSES_FILE).write_text(json.dumps(content), encoding="utf-8")
