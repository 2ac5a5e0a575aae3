"""LoRA adapters in the files that peft writes: read, and checked before peft sees them."""

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from plmwidgets._numbers import as_whole
from plmwidgets.models.checkpoint import first_line
from plmwidgets.models.masked_lm import ModelError

Tensors = Mapping[str, torch.Tensor]

CONFIG_FILE: Final = "adapter_config.json"
WEIGHTS_FILE: Final = "adapter_model.safetensors"
MOST_CONFIG_BYTES: Final = 2**20

_DECIDING: Final = (
    *("r", "lora_alpha", "target_modules", "exclude_modules", "rank_pattern", "alpha_pattern"),
    *("use_rslora", "use_dora", "lora_bias", "modules_to_save", "fan_in_fan_out"),
    *("layers_to_transform", "layers_pattern", "task_type"),
)
"""Entries of a configuration that are heeded; together with the weights they decide the result."""
_WITHOUT_EFFECT: Final = (
    *("auto_mapping", "base_model_name_or_path", "inference_mode", "lora_dropout", "peft_type"),
    *("peft_version", "revision", "ensure_weight_tying"),
)
_HARMLESS_STARTS: Final = (True, False, None, "gaussian", "orthogonal", "eva")
"""Ways of drawing the first weights that leave those of the model alone."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA adapter.

    Attributes
    ----------
    name : str
        For people: of one in a folder, the folder's.
    config : peft.LoraConfig
    tensors : mapping of str to Tensor
        Its weights, by the names that peft saves them under.
    """

    name: str
    config: Any
    tensors: Tensors

    @property
    def digest(self) -> str:
        """Hash of all that decides the predictions: 16 hexadecimal digits."""
        config = self.config.to_dict()
        chosen = {name: config.get(name) for name in _DECIDING}
        digest = hashlib.sha256(json.dumps(chosen, sort_keys=True, default=_plain).encode())
        digest.update(tensor_digest(self.tensors).encode())
        return digest.hexdigest()[:16]


def import_peft() -> Any:
    """Return the package peft.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed, saying how to get it.
    """
    try:
        import peft
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "adapters need peft, which is not installed: pip install 'plmwidgets[adapters]'"
        ) from error
    return peft


def read_adapter(folder: str | os.PathLike[str]) -> Adapter:
    """Read a LoRA adapter that peft wrote.

    Raises
    ------
    ModelError
        If the files are missing, damaged or a pickle, or the adapter is of another kind.
    """
    place = Path(folder).expanduser().resolve()
    if not place.is_dir():
        raise ModelError(f"there is no folder {place}: check the path of the adapter.")
    missing = [name for name in (CONFIG_FILE, WEIGHTS_FILE) if not (place / name).is_file()]
    if missing == [WEIGHTS_FILE] and (place / "adapter_model.bin").exists():
        raise ModelError(
            f"{place} has its weights as a pickle (adapter_model.bin): reading a pickle can run "
            "code hidden in it, so only safetensors are read. If you trust its origin, open it "
            "with peft and write it anew with save_pretrained, which uses safetensors."
        )
    if missing:
        raise ModelError(
            f"{place} is no adapter, it lacks: {', '.join(missing)}. Give the folder that peft's "
            "save_pretrained wrote."
        )
    config = _config(place / CONFIG_FILE)
    try:
        tensors = load_file(place / WEIGHTS_FILE)
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(
            f"{place / WEIGHTS_FILE} cannot be read ({first_line(error)}): fetch or write the "
            "adapter again."
        ) from error
    _check_ranks(place.name, config, tensors)
    return Adapter(place.name, config, tensors)


def tensor_digest(tensors: Tensors) -> str:
    """Hash of tensors, their types and their names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _config(path: Path) -> Any:
    """Read a configuration, of which only known entries are handed to peft."""
    peft = import_peft()
    try:
        if path.stat().st_size > MOST_CONFIG_BYTES:
            raise ValueError("it is too large")
        entries = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(entries, dict):
            raise ValueError("it is no object")
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(
            f"{path} cannot be read as the configuration of an adapter ({first_line(error)}): "
            "fetch or write the adapter again."
        ) from error
    kind = entries.get("peft_type")
    if kind != "LORA":
        raise ModelError(f"{path.parent.name} is an adapter of kind {kind!r}: LoRA ones are read.")
    if entries.get("init_lora_weights") not in _HARMLESS_STARTS:
        raise ModelError(
            f"{path.parent.name} was begun with init_lora_weights="
            f"{entries['init_lora_weights']!r}, which changes the weights of the model itself: "
            "convert it with peft (save_pretrained with path_initial_model_for_weight_conversion)."
        )
    known = {*_DECIDING, *_WITHOUT_EFFECT, "init_lora_weights"}
    plain = peft.LoraConfig().to_dict()
    # Some would change the model's own weights or import code: heed none that was not thought of.
    for name in sorted(entries.keys() - known):
        value = entries[name]
        if value not in (plain.get(name), None, False, {}, []):
            raise ModelError(
                f"{path.parent.name} uses {name}={value!r} of peft, which is not supported here: "
                "plain LoRA, rsLoRA and DoRA are."
            )
    if as_whole(entries.get("r"), 1) is None:
        raise ModelError(f"{path} states the rank r={entries.get('r')!r}: it is a whole number.")
    alpha = entries.get("lora_alpha", 1)
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not math.isfinite(alpha):
        raise ModelError(f"{path} states lora_alpha={alpha!r}: it is a number.")
    origin = {name: entries.get(name) for name in ("base_model_name_or_path", "revision")}
    wrong = [name for name, value in origin.items() if not isinstance(value, str | None)]
    wrong += [
        name
        for name in ("rank_pattern", "alpha_pattern")
        if not isinstance(entries.get(name), dict | None)
    ]
    if wrong:
        raise ModelError(
            f"{path} states {wrong[0]}={entries[wrong[0]]!r}, which peft would not have written: "
            "fetch or write the adapter again."
        )
    try:
        chosen = {name: entries[name] for name in _DECIDING if name in entries}
        config = peft.LoraConfig(**chosen, **origin, inference_mode=True)
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"{path} is not a configuration that peft takes ({first_line(error)}): write the "
            "adapter again."
        ) from error
    return config


def _check_ranks(name: str, config: Any, tensors: Tensors) -> None:
    # Before peft makes room for what the configuration says.
    stated = {config.r, *(config.rank_pattern or {}).values()}
    for key, tensor in tensors.items():
        rank = tensor.shape[0] if tensor.ndim else 0
        if ".lora_A." in key and rank not in stated:
            raise ModelError(
                f"the weights of {name} have rank {rank} and its {CONFIG_FILE} says "
                f"r={config.r}: the two files do not belong together."
            )
    if not any(".lora_A." in key for key in tensors):
        raise ModelError(f"{name} holds no LoRA weights in {WEIGHTS_FILE}: write it again.")


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set) else str(value)
