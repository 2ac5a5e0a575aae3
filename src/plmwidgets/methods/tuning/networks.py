"""The network that is trained: with a head for the task, and all of it or an adapter to learn."""

import copy
import warnings
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final, Literal, get_args

import torch
import transformers

from plmwidgets.methods.tuning.examples import Label, Task
from plmwidgets.models.adapter_files import import_peft
from plmwidgets.models.adapters import share, wrapped_network
from plmwidgets.models.checkpoint import Source, weight_files
from plmwidgets.models.huggingface import HuggingFaceMaskedLM
from plmwidgets.models.masked_lm import ModelError
from plmwidgets.models.pretrained import (
    LOADING,
    quietly,
    read_network,
    reason_of,
    refuse_random_parts,
)

Method = Literal["lora", "full"]

METHODS: Final[tuple[Method, ...]] = get_args(Method)
_TARGETS: Final = {"esmc": ("q_proj", "k_proj", "v_proj")}
_USUAL_TARGETS: Final = ("query", "key", "value")
_CLASSES: Final = {
    "sequence-classification": ("AutoModelForSequenceClassification", "SEQ_CLS"),
    "token-classification": ("AutoModelForTokenClassification", "TOKEN_CLS"),
}


def make_network(
    base: HuggingFaceMaskedLM,
    task: Task,
    method: Method,
    *,
    classes: Sequence[Label] = (),
    rank: int = 8,
    alpha: int = 16,
    targets: Sequence[str] | None = None,
    seed: int = 0,
) -> Any:
    """Return a network to train, which leaves that of the model as it is.

    Returns
    -------
    transformers.PreTrainedModel or peft.PeftModel
        With `method` ``"full"`` it has weights of its own; with ``"lora"`` those of the model,
        frozen, and an adapter.

    Raises
    ------
    ModelError
        If transformers has no such head for the model, the rank is larger than it is wide, or no
        module is called as `targets`.
    """
    network = share(base) if method == "lora" else copy.deepcopy(base.network)
    if task != "masked-lm":
        network = with_head(base, network, task, classes, seed)
    if method == "full":
        return network.requires_grad_(True)
    width = base.network.config.hidden_size
    if rank > width:
        raise ModelError(
            f"rank={rank}: the matrices of {base.name} are {width} wide, and an adapter of more "
            "than that adds nothing: give a smaller rank, such as 8."
        )
    config = import_peft().LoraConfig(
        task_type=None if task == "masked-lm" else _CLASSES[task][1],
        r=rank,
        lora_alpha=alpha,
        target_modules=list(targets or target_modules(base)),
        base_model_name_or_path=base.identity.checkpoint,
        revision=base.identity.revision if base.identity.by_content else None,
    )
    try:
        return wrapped_network(network, config, seed)
    except ValueError as error:
        raise ModelError(
            f"{base.name} has no modules called {', '.join(config.target_modules)}: name others "
            "with targets=[...]"
        ) from error


def target_modules(base: HuggingFaceMaskedLM) -> tuple[str, ...]:
    """Return what the projections to queries, keys and values are called in a model."""
    return _TARGETS.get(base.network.config.model_type, _USUAL_TARGETS)


def with_head(
    base: HuggingFaceMaskedLM, body: Any, task: Task, classes: Sequence[Label], seed: int = 0
) -> Any:
    """Return a network with a fresh head for a task, and elsewhere the tensors of another one.

    Raises
    ------
    ModelError
        If transformers has no such head for the model.
    """
    config = copy.deepcopy(base.network.config)
    config.id2label = {number: str(label) for number, label in enumerate(classes)}
    config.label2id = {str(label): number for number, label in enumerate(classes)}
    kind = getattr(transformers, _CLASSES[task][0])
    try:
        with torch.device("meta"):  # names and shapes: the weights are there
            network = kind.from_config(config, trust_remote_code=False, dtype=base.network.dtype)
    except ValueError as error:
        raise ModelError(
            f"transformers has no head for {task} on {base.name}: train it as a masked language "
            "model, or fit a probe on its embeddings."
        ) from error
    known = dict(chain(body.named_parameters(), body.named_buffers()))
    fresh = []
    for name, module in network.named_modules():
        stem = f"{name}." if name else ""
        for kept in (module._parameters, module._buffers):
            for leaf in kept:
                kept[leaf] = known.get(stem + leaf, kept[leaf])
        if any(each.is_meta for each in _own_tensors(module)):
            fresh.append(module)
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        torch.manual_seed(seed)
        for module in fresh:
            module.to_empty(device="cpu", recurse=False)
            network._init_weights(module)
    return network.to(base.device).eval()


def read_classifier(
    base: HuggingFaceMaskedLM, folder: Path, task: Task, classes: Sequence[Label]
) -> Any:
    """Read a classifier of which all weights were trained, from safetensors alone.

    Raises
    ------
    ModelError
        If the files are missing or damaged, or are not of a classifier that was made from a model
        like the base.
    """
    source = Source(folder.name, folder.name, folder.resolve(), tokenizer=False)
    weight_files(source, folder)
    try:
        with LOADING, quietly():
            config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)
            _check_like(base, folder, config, classes)
            kind = getattr(transformers, _CLASSES[task][0])
            network, report = read_network(kind, source, folder, config, base.network.dtype)
    except (torch.OutOfMemoryError, ModelError):
        raise
    except Exception as error:
        raise ModelError(
            f"{folder} cannot be loaded as a classifier ({reason_of(error)}): write it again."
        ) from error
    refuse_random_parts(source, report, "classifier")
    return network.to(base.device).eval()


def _check_like(
    base: HuggingFaceMaskedLM, folder: Path, config: Any, classes: Sequence[Label]
) -> None:
    own = base.network.config
    for name in ("model_type", "hidden_size", "num_hidden_layers", "vocab_size"):
        if getattr(config, name, None) != getattr(own, name, None):
            raise ModelError(
                f"{folder} holds a classifier made from another model: its {name} is "
                f"{getattr(config, name, None)!r}, and that of {base.name} is "
                f"{getattr(own, name, None)!r}. Give the model that was tuned."
            )
    if config.num_labels != len(classes):
        raise ModelError(
            f"{folder} names {len(classes)} classes and its weights have {config.num_labels}: the "
            "files do not belong together."
        )


def _own_tensors(module: Any) -> list[torch.Tensor]:
    own = chain(module.parameters(recurse=False), module.buffers(recurse=False))
    return [tensor for tensor in own if tensor is not None]
