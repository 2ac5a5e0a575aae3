"""From files to a model, through transformers' own loading."""

import copy
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
import transformers
from transformers import AutoConfig, AutoModelForMaskedLM, AutoTokenizer

from plmwidgets.models.attention import ContactHead
from plmwidgets.models.checkpoint import Source, first_line, locate
from plmwidgets.models.esm import has_encoder, precisions, wrap
from plmwidgets.models.esm_layout import layer_name, read_layer
from plmwidgets.models.huggingface import HuggingFaceMaskedLM
from plmwidgets.models.layers import ARITHMETIC, Arithmetic, Layer
from plmwidgets.models.masked_lm import ModelError
from plmwidgets.models.room import free_memory
from plmwidgets.models.streaming import LayerStream
from plmwidgets.models.weight_files import WeightFiles

_MASKED_LM: Final = "masked language model"
_HEADS: Final = {
    _MASKED_LM: "its masked-LM head",
    "model of structures": "its folding head",
    "classifier": "the head for its classes",
}
LOADING: Final = threading.Lock()
"""transformers sets process-wide state (default dtype, verbosity) while it loads."""


def load(
    source: Source, device: torch.device, dtype: torch.dtype, memory: int | None = None
) -> HuggingFaceMaskedLM:
    """Load a checkpoint through transformers' own classes; no code of the checkpoint is run.

    Parameters
    ----------
    source : Source
    device : torch.device
    dtype : torch.dtype
    memory : int, optional
        Bytes that the weights may take on the device, by default what is free there. If they need
        more, the layers of an ESM-like network are left in the files and streamed.

    Raises
    ------
    ModelError
        If files are missing, damaged or cannot be fetched, or the model cannot be used.
    """
    files = locate(source)
    with LOADING, quietly():
        try:
            tokenizer = AutoTokenizer.from_pretrained(files.folder, trust_remote_code=False)
        except Exception as error:
            raise ModelError(
                f"the tokenizer of {source.name} cannot be loaded from {files.folder} "
                f"({reason_of(error)}): write it there with its save_pretrained, or fetch it again."
            ) from error
        try:
            config = AutoConfig.from_pretrained(files.folder, trust_remote_code=False)
            with torch.device("meta"):  # names and shapes alone
                outline = AutoModelForMaskedLM.from_config(config, trust_remote_code=False)
            needed = _weight_bytes(outline, device, dtype)
            room = free_memory(device) if memory is None else memory
            streamed = needed > room
            if streamed and not _can_stream(outline, device):
                raise ModelError(
                    f"{source.name} needs {needed / 1e9:.3g} GB for its weights, and "
                    f"{room / 1e9:.3g} GB are {'free' if memory is None else 'allowed'} on "
                    f"{device}: choose a smaller model, dtype='bfloat16', or a device with more "
                    "memory. Only models of ESM's and ESM C's kind, on a CPU or with CUDA, can "
                    "be larger than the memory."
                )
            chosen = _without_layers(config) if streamed else config
            network, report = read_network(
                AutoModelForMaskedLM, source, files.folder, chosen, dtype
            )
            network = network.to(device)
            stored = WeightFiles(files.weights) if streamed else None
            if stored is not None:
                report = _report_on_all(outline, network, report, stored)
        except (torch.OutOfMemoryError, ModelError):
            raise
        except Exception as error:
            raise ModelError(
                f"{source.name} cannot be loaded as a masked language model from {files.folder} "
                f"({reason_of(error)}): choose a masked language model that transformers knows, "
                "saved whole by save_pretrained, or fetch it again if files are damaged."
            ) from error
    refuse_random_parts(source, report)
    streams = {} if stored is None else {"layers": _stream(config, stored, device, dtype)}
    return wrap(
        network,
        tokenizer,
        name=source.name,
        checkpoint=source.checkpoint,
        revision=files.revision,
        by_content=True,  # a commit, or a hash of the files
        weight_bytes=needed,
        contact_head=_contact_head(source, config, network, report, stored),
        **streams,
    )


def read_network(
    kind: Any, source: Source, folder: Path, config: Any, dtype: torch.dtype
) -> tuple[Any, dict[str, Any]]:
    """Read weights into one of transformers' classes; no code of the checkpoint is run.

    Returns
    -------
    network, report
        The report, for `refuse_random_parts`, tells what the files lack.
    """
    network, report = kind.from_pretrained(
        folder,
        config=config,
        # Here, not by `.to(dtype)` later, which would also round rotary frequencies.
        dtype=dtype,
        trust_remote_code=False,
        use_safetensors=source.weights_format == "safetensors",
        weights_only=True,
        output_loading_info=True,
        ignore_mismatched_sizes=True,
    )
    return network, report


def _can_stream(outline: Any, device: torch.device) -> bool:
    # Quantised weights are more than the tensors that the network names.
    plain = getattr(outline.config, "quantization_config", None) is None
    return plain and has_encoder(outline, device)


def _weight_bytes(outline: Any, device: torch.device, dtype: torch.dtype) -> int:
    """Bytes that weights of a type need, with those of the default precision if it has another."""
    types = {dtype}
    if has_encoder(outline, device):
        default = precisions(device, str(dtype).removeprefix("torch."))[0]
        types.add(ARITHMETIC[default].product)
    count = sum(int(parameter.numel()) for parameter in outline.parameters())
    return count * sum(each.itemsize for each in types)


def _without_layers(config: Any) -> Any:
    ends = copy.deepcopy(config)
    ends.num_hidden_layers = 0
    return ends


def _report_on_all(
    outline: Any, ends: Any, report: dict[str, Any], stored: WeightFiles
) -> dict[str, Any]:
    """Extend transformers' report on a network without layers to the network of the outline."""
    shapes = {name: tuple(weight.shape) for name, weight in outline.named_parameters()}
    elsewhere = shapes.keys() - {name for name, _ in ends.named_parameters()}
    return {
        "missing_keys": {*report["missing_keys"], *(elsewhere - stored.shapes.keys())},
        # The contact head of a network without layers has another shape.
        "mismatched_keys": [
            (name, stored.shapes[name], shape)
            for name, shape in shapes.items()
            if stored.shapes.get(name, shape) != shape
        ],
    }


def _stream(
    config: Any, stored: WeightFiles, device: torch.device, dtype: torch.dtype
) -> LayerStream:
    def read(index: int) -> Layer:
        tensors = stored.read(f"{layer_name(config, index)}.", dtype)
        return read_layer(config, tensors, index)

    return LayerStream(read, config.num_hidden_layers, device, Arithmetic(dtype, dtype))


def _contact_head(
    source: Source, config: Any, network: Any, report: dict[str, Any], stored: WeightFiles | None
) -> ContactHead | None:
    """Return the contact head if it is wanted.

    Raises
    ------
    ModelError
        If there is none.
    """
    if not source.contact_head:
        return None
    stem = "esm.contact_head.regression"
    names = [f"{stem}.weight", f"{stem}.bias"]
    if isinstance(source.contact_head, Path):
        tensors = WeightFiles([source.contact_head]).read(stem, torch.float32)
    elif stored is not None:  # the network has no layers, and so no weights for their heads
        tensors = stored.read(stem, torch.float32)
    else:
        there = network.named_parameters()
        tensors = {name: each for name, each in there if name not in report["missing_keys"]}
    if not tensors.keys() >= set(names):
        raise ModelError(
            f"{source.name} has no contact head of ESM's kind in its weights: load it without "
            "contact_head=True, and read contacts from its attention (plm.attention) or from a "
            "pair scan."
        )
    weight, bias = (tensors[name] for name in names)
    return ContactHead.of(weight, bias, config.num_hidden_layers)


@contextmanager
def quietly() -> Iterator[None]:
    """Keep transformers' notes and bars away from the reader; what matters is checked here."""
    log = transformers.utils.logging
    verbosity, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # The contact head of a network without layers has no weights.
            warnings.filterwarnings("ignore", "Initializing zero-element tensors")
            yield
    finally:
        log.set_verbosity(verbosity)
        if bars:
            log.enable_progress_bar()


def reason_of(error: Exception) -> str:
    """Return why something could not be loaded."""
    if "trust_remote_code" in str(error):
        return "it needs Python code of its own, which is never run here"
    return first_line(error)


def refuse_random_parts(source: Source, report: dict[str, Any], kind: str = _MASKED_LM) -> None:
    """Refuse a network of which parts were left random, for want of fitting weights.

    Raises
    ------
    ModelError
    """
    wrong_shape = sorted(str(entry[0]) for entry in report["mismatched_keys"])
    if wrong_shape:
        raise ModelError(
            f"the weights of {source.name} do not fit its config.json: {_some(wrong_shape)} "
            "have another shape. Fetch or write the model again."
        )
    # The contact head takes no part in predictions.
    missing = sorted(key for key in report["missing_keys"] if "contact_head" not in key)
    if missing:
        raise ModelError(
            f"{source.name} is not a whole {kind}: its weights lack {_some(missing)}, which would "
            f"stay random. Choose a checkpoint that was saved with {_HEADS[kind]}."
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (" and more" if len(names) > 3 else "")
