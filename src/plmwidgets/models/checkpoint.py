"""Finding the files of a checkpoint: in a folder, or on the Hugging Face hub.

Whatever the origin, loading starts from a plain folder. Fetching the files first, rather than
handing a hub id to transformers, gives the commit they belong to, leaves pickles where they are
unless they are wanted, and never sets off the hub's service that converts pickles on request.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

from plmwidgets.models.catalog import ESM3_CHECKPOINT, WeightsFormat, suggestions
from plmwidgets.models.masked_lm import ModelError

_WEIGHTS: Final[dict[WeightsFormat, tuple[str, str]]] = {
    "safetensors": ("model.safetensors", "model-*-of-*.safetensors"),
    "bin": ("pytorch_model.bin", "pytorch_model-*-of-*.bin"),
}
_VOCABULARY: Final = ("vocab.*", "tokenizer.*", "*.model")
_SMALL_FILES: Final = (
    *("config.json", *_VOCABULARY, "merges.txt"),
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
)
# What transformers notes in a configuration without any effect on predictions.
_BOOKKEEPING: Final = (
    *("_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version"),
)

LOCAL_REVISION: Final = 16
"""Digits of the hash that stands for the weights of a folder; a commit of the hub has 40."""


@dataclass(frozen=True, slots=True)
class Source:
    """Which checkpoint to load.

    Attributes
    ----------
    name : str
        For people.
    checkpoint : str
        Hub id, ``"demo"``, or the name of a local folder.
    folder : Path or None
        Where it lies; None for one of the hub.
    revision : str or None
        Commit of the hub repository; None means the newest one.
    weights_format : {"safetensors", "bin"}
        Which kind of weights file to read.
    contact_head : bool or Path
        Whether the contact head in the weights was trained and is to be used, or a safetensors
        file with another one. The weights alone do not tell: untrained ones are stored as well.
    tokenizer : bool
        Whether a tokenizer belongs to it.
    """

    name: str
    checkpoint: str
    folder: Path | None = None
    revision: str | None = None
    weights_format: WeightsFormat = "safetensors"
    contact_head: bool | Path = False
    tokenizer: bool = True


@dataclass(frozen=True, slots=True)
class Files:
    """A complete checkpoint on disk.

    Attributes
    ----------
    folder : Path
    revision : str
        Commit of the hub repository; for a local folder the first 16 hexadecimal digits of a
        SHA-256 over the weights and what the configuration says of the network.
    weights : list of Path
        The files with the weights.
    """

    folder: Path
    revision: str
    weights: list[Path]


def locate(source: Source) -> Files:
    """Return a checkpoint's folder, fetched from the hub if need be, with nothing missing in it.

    Raises
    ------
    ModelError
        If files are missing or cannot be fetched.
    """
    if source.folder is None:
        folder = _from_hub(source)
        return Files(folder, folder.name, weight_files(source, folder))
    weights = weight_files(source, source.folder)
    return Files(source.folder, _fingerprint(source.folder, weights), weights)


def weight_files(source: Source, folder: Path) -> list[Path]:
    """Return the weight files of a checkpoint folder, having checked that nothing is missing.

    Raises
    ------
    ModelError
        If the folder or something in it is missing, naming all that is.
    """
    if not folder.is_dir():
        raise ModelError(
            f"{folder} is a file, and a model is a folder: give the one that holds config.json, "
            "the weights and the tokenizer, as save_pretrained writes them."
            if folder.exists()
            else f"there is no folder {folder}: check the path of the model."
        )
    missing = [] if (folder / "config.json").is_file() else ["config.json"]
    if not missing:
        _refuse_foreign_code(folder / "config.json")
    _refuse_adapter(folder)
    weights = _listed_weights(source, folder)
    missing += [path.name for path in weights if not path.is_file()]
    if not weights:
        if source.weights_format != "bin" and any(folder.glob("pytorch_model*.bin")):
            raise ModelError(f"{source.name} {_pickle_advice(str(folder))}")
        missing.append(f"the weights ({_WEIGHTS[source.weights_format][0]})")
    vocabulary = [path for pattern in _VOCABULARY for path in folder.glob(pattern)]
    # ESM3's own package has its tokenizer.
    if source.tokenizer and not vocabulary and ("config.json" in missing or not is_esm3(source)):
        missing.append("the tokenizer (vocab.txt or tokenizer.json)")
    if not missing:
        return weights
    if source.folder is not None:
        raise ModelError(
            f"{folder} is not a complete model, it lacks: {', '.join(missing)}. Write the model "
            "and its tokenizer there with save_pretrained, or give another folder."
        )
    advice = "" if weights else f" If it {_pickle_advice(source.checkpoint)}"
    raise ModelError(
        f"{source.checkpoint} cannot be loaded, it lacks: {', '.join(missing)}. If it was fetched "
        "without network from an incomplete download, load it once more with network." + advice
    )


def _listed_weights(source: Source, folder: Path) -> list[Path]:
    """List the weight files that are there or, for weights in parts, those that should be."""
    single, parts = _WEIGHTS[source.weights_format]
    if (folder / single).is_file():
        return [folder / single]
    index = folder / f"{single}.index.json"
    if not index.is_file():
        return []
    listed = _read_json(index).get("weight_map")
    names: set[str] = set()
    for name in listed.values() if isinstance(listed, dict) else [None]:
        # What lies elsewhere is not of this checkpoint, and what ends otherwise may be a pickle.
        if not isinstance(name, str) or not fnmatch(name, parts) or set(name) & set("/\\\0"):
            raise ModelError(
                f"{index} names {name!r} as a file with weights, and those lie beside it and are "
                f"called {parts}: fetch or write the model again."
            )
        names.add(name)
    return [folder / name for name in sorted(names)]


def _refuse_foreign_code(config: Path) -> None:
    """Refuse a configuration that has transformers fetch code from another repository."""

    def check(node: Any) -> None:
        for key, value in node.items() if isinstance(node, dict) else []:
            if "_implementation" in key and "/" in json.dumps(value):
                raise ModelError(
                    f"{config} asks for code of another repository ({key}: {value!r}), which is "
                    "never run here. If you trust the model, take that entry out."
                )
        for part in node.values() if isinstance(node, dict) else node:
            if isinstance(part, dict | list):
                check(part)

    check(_read_json(config))


def _refuse_adapter(folder: Path) -> None:
    # It names another model, by a path or on the hub, which would be loaded in this one's place.
    if (folder / "adapter_config.json").exists():
        raise ModelError(
            f"{folder} holds an adapter to another model: load that model with it, "
            f"load_model(name, adapter={str(folder)!r})."
        )


def _pickle_advice(location: str) -> str:
    return (
        "has its weights as a pickle (pytorch_model.bin): reading a pickle can run code hidden in "
        "it, so only safetensors are read. If you trust its origin, convert it once and load the "
        "new folder:\n"
        "    from transformers import AutoModelForMaskedLM, AutoTokenizer\n"
        f"    AutoModelForMaskedLM.from_pretrained({location!r}).save_pretrained('converted')\n"
        f"    AutoTokenizer.from_pretrained({location!r}).save_pretrained('converted')"
    )


def _from_hub(source: Source) -> Path:
    # huggingface_hub takes part of a second to import and is needed for downloads only.
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    # A commit never changes: no need to ask the hub about one that is here in full.
    folder = _cached(source) if source.revision is not None else None
    if folder is not None and _is_complete(source, folder):
        return folder
    try:
        commit = HfApi().model_info(source.checkpoint, revision=source.revision, timeout=10).sha
    except GatedRepoError as error:
        raise ModelError(
            f"{source.checkpoint} is given only to those who accept its terms: do so at "
            f"https://huggingface.co/{source.checkpoint}, run `hf auth login`, and load it again."
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"there is neither a folder {source.checkpoint!r} here nor a model of that name on the "
            f"Hugging Face hub{did_you_mean(source.name) or '.'} If it is a private one, run "
            "`hf auth login` first."
        ) from error
    except Exception as error:  # no network, a proxy, offline mode, a fault of the hub
        folder = _cached(source)
        if folder is not None:
            return folder
        raise ModelError(
            f"{source.checkpoint} cannot be fetched, since the Hugging Face hub cannot be reached "
            f"({first_line(error)}), and it is neither in the local cache nor a folder here. Load "
            "it once with network, or give the path of a folder that holds it; 'demo' and "
            "'potts-demo' need no network."
        ) from error
    try:
        return Path(
            snapshot_download(source.checkpoint, revision=commit, allow_patterns=_patterns(source))
        )
    except Exception as error:  # the network broke off, the disk is full
        raise ModelError(
            f"the download of {source.checkpoint} broke off ({first_line(error)}). Load it "
            "again: it goes on with what is missing."
        ) from error


def is_esm3(source: Source) -> bool:
    """Whether a checkpoint is an ESM3, which transformers does not load but the package ``esm``."""
    if source.folder is None:
        return source.checkpoint == ESM3_CHECKPOINT
    return _read_json(source.folder / "config.json").get("model_type") == "esm3"


def is_cached(source: Source) -> bool:
    """Whether a checkpoint of the hub is on this computer in full; asks no network."""
    folder = _cached(source)
    return folder is not None and _is_complete(source, folder)


def _cached(source: Source) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = snapshot_download(
            source.checkpoint,
            revision=source.revision,
            allow_patterns=_patterns(source),
            local_files_only=True,
        )
    except LocalEntryNotFoundError:
        return None
    return Path(folder)


def _patterns(source: Source) -> list[str]:
    """Which files of a hub repository are wanted."""
    single, parts = _WEIGHTS[source.weights_format]
    return [*_SMALL_FILES, single, f"{single}.index.json", parts]


def _is_complete(source: Source, folder: Path) -> bool:
    try:
        weight_files(source, folder)
    except ModelError:
        return False
    return True


def did_you_mean(name: str) -> str:
    """Return ``"; did you mean ...?"`` with the catalogue's names like `name`, or nothing."""
    close = suggestions(name)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""


def first_line(error: BaseException) -> str:
    """Return what an exception says, cut to its first line and without terminal colours."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else type(error).__name__


def _fingerprint(folder: Path, weights: list[Path]) -> str:
    """Hash of all that decides the predictions, so that a changed model gets another identity."""
    config = _read_json(folder / "config.json")
    network = {key: value for key, value in config.items() if key not in _BOOKKEEPING}
    digest = hashlib.sha256(json.dumps(network, sort_keys=True).encode())
    for path in weights:
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:LOCAL_REVISION]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(
            f"{path} cannot be read as JSON ({first_line(error)}): fetch or write the model again."
        ) from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} does not describe a model: fetch or write the model again.")
    return content
