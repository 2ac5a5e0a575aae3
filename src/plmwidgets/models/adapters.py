"""LoRA adapters, put on a model that stays as it is.

peft changes the network that it is given. Here it is given another network of the same weights:
the modules are copied and the tensors in them are not, so that base and adapted model exist at the
same time, each with its own worker, on weights that are loaded once.
"""

import copy
import os
import re
import threading
import warnings
import weakref
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Final, TypeVar

import torch

from plmwidgets.models.adapter_files import Adapter, import_peft, read_adapter
from plmwidgets.models.checkpoint import LOCAL_REVISION, first_line
from plmwidgets.models.encoder import Encoder, Ends
from plmwidgets.models.esm import EsmMaskedLM
from plmwidgets.models.esm_layout import linear_parts
from plmwidgets.models.huggingface import HuggingFaceMaskedLM
from plmwidgets.models.layers import ARITHMETIC, Layer
from plmwidgets.models.masked_lm import ModelError

ADAPTER: Final = "default"
"""What peft calls the one adapter of a network."""

_IN_ENDS: Final = {"dense": ["lm_head.dense"]}
"""Of the affine maps after the last layer, the one that an `Encoder` has as it is."""

_Part = TypeVar("_Part", Layer, Ends)

_making = threading.Lock()
_adapted: "weakref.WeakValueDictionary[Any, AdaptedMaskedLM]" = weakref.WeakValueDictionary()


class AdaptedMaskedLM(HuggingFaceMaskedLM):
    """A model with an adapter, which shares the weights of the model without it.

    Parameters
    ----------
    base : HuggingFaceMaskedLM
    network : peft.PeftModel
        The base's network with the adapter in it; see `adapted_network`.
    adapter : Adapter

    Attributes
    ----------
    base : HuggingFaceMaskedLM
        The model without the adapter.
    peft_model : peft.PeftModel
        As peft knows it: ``peft_model.disable_adapter()`` gives the base's logits.
    adapter : Adapter
    """

    def __init__(self, base: HuggingFaceMaskedLM, network: Any, adapter: Adapter) -> None:
        self.base = base
        self.peft_model = network.eval()
        self.adapter = adapter
        super().__init__(
            network.get_base_model(),
            base.tokenizer,
            name=f"{base.name}+{adapter.name}",
            checkpoint=base.identity.checkpoint,
            revision=base.identity.revision,
            by_content=base.identity.by_content,
            contact_head=base.contact_head,
            adapter=adapter.digest,
        )


class AdaptedEsmMaskedLM(AdaptedMaskedLM, EsmMaskedLM):
    """One of ESM's or ESM C's kind, computed by an `Encoder`.

    The encoder is that of the base, but for the weights that the adapter changes: of those it has
    the sum W + s B A in W's place.
    """

    base: EsmMaskedLM

    @torch.no_grad()
    def _encoder_in(self, name: str) -> Encoder:
        with self._making:
            if name in self._encoders:
                return self._encoders[name]
            base, own = self.base._encoder_in(name), self.base._encoder_in("")
            dtype, config = (
                ARITHMETIC[name].product if name else self.network.dtype,
                self.network.config,
            )
            layers = [
                self._changed(layer, own.layers[index], linear_parts(config, index), dtype)
                for index, layer in enumerate(base.layers)
            ]
            ends = self._changed(base.ends, own.ends, _IN_ENDS, dtype)
            made = Encoder(ends, layers, base.device, base.arithmetic)
            if name != "double":  # as in the base
                self._encoders[name] = made
            return made

    def _changed(
        self, part: _Part, own: _Part, parts: Mapping[str, list[str]], dtype: torch.dtype
    ) -> _Part:
        """Return a part of the base's encoder with the weights of the adapter added.

        `own` is the same part in the type of the weights, `parts` names the modules that each of
        its affine maps stacks.
        """
        changed: dict[str, Any] = {}
        for field, names in parts.items():
            modules = [self.network.get_submodule(name) for name in names]
            if any(hasattr(module, "lora_A") for module in modules):
                weight = getattr(own, field).weight + torch.cat([_delta(each) for each in modules])
                changed[field] = replace(getattr(part, field), weight=weight.to(dtype))
        return replace(part, **changed)


def load_adapter(base: HuggingFaceMaskedLM, folder: str | os.PathLike[str]) -> AdaptedMaskedLM:
    """Return a model with the adapter of a folder; the same one as long as somebody holds it.

    Raises
    ------
    ModelError, ModuleNotFoundError
        See `HuggingFaceMaskedLM.with_adapter`.
    """
    return adapt(base, read_adapter(folder))


def adapt(base: HuggingFaceMaskedLM, adapter: Adapter) -> AdaptedMaskedLM:
    """Return a model with an adapter; the same one as long as somebody holds it.

    Raises
    ------
    ModelError
        If the adapter does not fit the model.
    """
    check_base(base)
    if adapter.config.task_type not in (None, "FEATURE_EXTRACTION"):
        raise ModelError(
            f"the adapter {adapter.name} belongs to a classifier (task_type "
            f"{str(adapter.config.task_type)!r}), not to a masked language model: open it with "
            "plm.load_classifier."
        )
    _check_origin(base, adapter)
    key = (id(base), adapter.name, adapter.digest)
    with _making:
        known = _adapted.get(key)
        if known is None:
            network = adapted_network(share(base), adapter)
            kind = AdaptedEsmMaskedLM if _has_encoder(base, network) else AdaptedMaskedLM
            known = _adapted[key] = kind(base, network, adapter)
    _tell_origin(base, adapter)
    return known


def check_base(base: HuggingFaceMaskedLM) -> None:
    """Raise `ModelError`, saying why, if a model cannot take an adapter."""
    if not isinstance(base, HuggingFaceMaskedLM):
        raise ModelError(
            f"{getattr(base, 'name', base)} takes no adapter: load a model of the Hugging Face "
            "kind in this process, such as load_model('demo') or load_model('esm2-8m')."
        )
    if isinstance(base, AdaptedMaskedLM):
        raise ModelError(f"{base.name} has an adapter: put another one on {base.base.name}, .base.")
    if "streamed" in base.capabilities:
        raise ModelError(
            f"{base.name} is streamed from its files, and an adapter needs weights in memory: load "
            "it with more memory=..., in dtype='bfloat16', or choose a smaller model."
        )


def share(base: HuggingFaceMaskedLM) -> Any:
    """Return a network with modules of its own and the very tensors of a model's network."""
    if isinstance(base, EsmMaskedLM):
        base._encoder_in("")  # moves some tensors when it is made: not while others use them
    tensors = chain(base.network.parameters(), base.network.buffers())
    return copy.deepcopy(base.network, {id(tensor): tensor for tensor in tensors})


def adapted_network(network: Any, adapter: Adapter) -> Any:
    """Put an adapter into a network, which is changed.

    Returns
    -------
    peft.PeftModel

    Raises
    ------
    ModelError
        If it does not fit.
    """
    peft = import_peft()
    try:
        wrapped = wrapped_network(network, adapter.config)
    except ValueError as error:  # no module has such a name
        raise ModelError(
            f"the adapter {adapter.name} was made for another kind of model: {first_line(error)}."
        ) from error
    except (TypeError, AttributeError, re.error) as error:
        raise ModelError(
            f"the configuration of the adapter {adapter.name} is damaged ({first_line(error)}): "
            "fetch or write the adapter again."
        ) from error
    expected = {name: tuple(tensor.shape) for name, tensor in adapter_tensors(wrapped).items()}
    given = {name: tuple(tensor.shape) for name, tensor in adapter.tensors.items()}
    strange = sorted(expected.keys() ^ given.keys())
    if strange:
        raise ModelError(
            f"the adapter {adapter.name} was made for another model: {_some(strange)} "
            f"{'is' if len(strange) == 1 else 'are'} only in the "
            f"{'adapter' if strange[0] in given else 'model'}. Load the base that it was trained "
            "on."
        )
    different = sorted(name for name, shape in expected.items() if shape != given[name])
    if different:
        first = different[0]
        raise ModelError(
            f"the adapter {adapter.name} was made for another model: {first} has shape "
            f"{given[first]}, and {expected[first]} is needed here. Load the base that it was "
            "trained on."
        )
    peft.set_peft_model_state_dict(wrapped, dict(adapter.tensors))
    return wrapped


def wrapped_network(network: Any, config: Any, seed: int = 0) -> Any:
    """Put a fresh adapter into a network: peft's own, with the random numbers of a seed."""
    peft = import_peft()
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        torch.manual_seed(seed)
        # Of transformers, about what peft asks it; and of peft, about a name that is set below.
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        warnings.filterwarnings("ignore", ".*base_model_name_or_path", UserWarning)
        # peft writes into the configuration that it is given, also where the network lay.
        wrapped = peft.get_peft_model(network, copy.deepcopy(config))
    wrapped.peft_config[ADAPTER].base_model_name_or_path = config.base_model_name_or_path
    return wrapped


def adapter_tensors(wrapped: Any) -> dict[str, torch.Tensor]:
    """Return an adapter's weights, by the names that peft saves them under."""
    # By default peft asks the network whether the vocabulary has changed.
    found: dict[str, torch.Tensor] = import_peft().get_peft_model_state_dict(
        wrapped, save_embedding_layers=False
    )
    return found


def _check_origin(base: HuggingFaceMaskedLM, adapter: Adapter) -> None:
    made_for, revision = adapter.config.base_model_name_or_path, adapter.config.revision
    own = base.identity.revision
    # A hash of local weights, unlike a commit, changes with nothing else.
    if revision and len(revision) == len(own) == LOCAL_REVISION and revision != own:
        raise ModelError(
            f"the adapter {adapter.name} was trained on other weights ({made_for!r}, "
            f"{revision}) than those of {base.name} ({own}): load the base that it was trained on."
        )


def _tell_origin(base: HuggingFaceMaskedLM, adapter: Adapter) -> None:
    made_for = adapter.config.base_model_name_or_path
    names = {base.identity.checkpoint, base.name, base.network.config.name_or_path}
    if made_for and made_for not in names and Path(made_for).name not in names:
        warnings.warn(
            f"the adapter {adapter.name} says that it was made for {made_for!r}, and this is "
            f"{base.name}: it fits by its shape alone.",
            stacklevel=5,
        )


def _has_encoder(base: HuggingFaceMaskedLM, network: Any) -> bool:
    """Whether the adapter only adds to weights that an `Encoder` has, in their own type."""
    if not isinstance(base, EsmMaskedLM) or base.identity.dtype != "float32":
        return False
    config = network.peft_config[ADAPTER]
    if config.use_dora or config.lora_bias or config.modules_to_save:
        return False
    inner = network.get_base_model()
    layers = range(inner.config.num_hidden_layers)
    parts = (linear_parts(inner.config, index) for index in layers)
    known = {n for part in (*parts, _IN_ENDS) for names in part.values() for n in names}
    changed = {name for name, module in inner.named_modules() if hasattr(module, "lora_A")}
    return changed <= known


def _delta(module: Any) -> torch.Tensor:
    """Return what an adapter adds to the weights of a module; zeros if it has none there."""
    if hasattr(module, "lora_A"):
        delta: torch.Tensor = module.get_delta_weight(ADAPTER)
        return delta
    return torch.zeros_like(module.weight)


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (" and more" if len(names) > 3 else "")
