"""From a name or a path to a loaded model, once in a process."""

import os
import re
import threading
import weakref
from collections import defaultdict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from plmwidgets._numbers import byte_size
from plmwidgets._options import flag
from plmwidgets.models.catalog import (
    DEMO_CONTACT_HEAD,
    DEMO_FOLDER,
    CatalogEntry,
    find,
    find_folding,
)
from plmwidgets.models.checkpoint import Source, did_you_mean, is_esm3, weight_files
from plmwidgets.models.masked_lm import MaskedLM, ModelError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import torch

    from plmwidgets.models.huggingface import HuggingFaceMaskedLM

_HUB_ID: Final = re.compile(r"[\w.-]+/[\w.-]+")

_loaded: "weakref.WeakValueDictionary[Hashable, MaskedLM]" = weakref.WeakValueDictionary()
_networks: "weakref.WeakValueDictionary[Hashable, HuggingFaceMaskedLM]"
_networks = weakref.WeakValueDictionary()
_locks: "defaultdict[Hashable, threading.Lock]" = defaultdict(threading.Lock)
_registry = threading.Lock()


def load_model(
    name_or_path: str | os.PathLike[str],
    device: "str | torch.device | None" = None,
    dtype: "str | torch.dtype | None" = None,
    memory: int | str | None = None,
    *,
    adapter: str | os.PathLike[str] | None = None,
    contact_head: bool | None = None,
    backend: Literal["ray"] | None = None,
    executor: "Executor | None" = None,
) -> MaskedLM:
    """Load a masked protein language model, or join one that is shared.

    The same arguments give the same object as long as somebody holds it, so that a second cell
    or widget neither loads nor keeps a second copy. The network is used only to fetch a model of
    the Hugging Face hub that is not in its local cache; code from a checkpoint is never run.

    A model of ESM's or ESM C's kind whose weights do not fit the memory for them is streamed: its
    layers stay in the files, and each batch of contexts reads them one after the other, so that
    two at a time are on the device. Its predictions are those of a model that fits. It is slower,
    most of all for a few contexts, and needs its files as long as it is used.

    Parameters
    ----------
    name_or_path : str or path-like
        A name of `available_models` (in any case); the path of a folder as ``save_pretrained``
        writes it (configuration, safetensors weights and tokenizer); or the hub id of any other
        masked language model with one token a residue, such as ``"Rostlab/prot_bert"``.
        ``"demo"`` and ``"potts-demo"`` come with the package.
    device : str or torch.device, optional
        ``"cuda"``, ``"cuda:1"``, ``"mps"`` or ``"cpu"``; the first of these that exists by
        default.
    dtype : str or torch.dtype, optional
        ``"float32"`` (the default), ``"bfloat16"`` or ``"float16"``.
    memory : int or str, optional
        Most that the weights may take on the device without being streamed, in bytes or as text
        such as ``"8 GB"``, ``"500 MB"`` or ``"16 GiB"``; what is free there by default. On a GPU,
        float32 weights count one and a half times: the default precision keeps them in float16
        as well.
    adapter : path, optional
        Folder of a LoRA adapter to put on the model, as peft's ``save_pretrained`` writes it. The
        weights of the model are shared with the model without it; see
        `HuggingFaceMaskedLM.with_adapter`.
    contact_head : bool, optional
        Whether to use the contact head that comes with the weights. By default where the catalogue
        says that it was trained: for ESM-2, ESM-1b and the demo. Other checkpoints of ESM's kind
        may carry a random one, which nothing in the file tells: say True only if you know better.
    backend : {None, "ray"}
        ``"ray"``: the model that ``plmwidgets serve`` holds on a Ray cluster under this name, for
        all notebooks that ask it. The cluster is the one of ``RAY_ADDRESS`` or of this machine.
    executor : Executor, optional
        One of the kind of ``concurrent.futures``, such as Dask's ``client.get_executor()``: its
        workers load the model, each process once, and compute.

    Returns
    -------
    MaskedLM

    Raises
    ------
    ModelError
        If there is no such model, no cluster or no Ray; if files are missing, damaged or cannot be
        fetched, its weights are an unlisted pickle, or its tokenizer does not give one token a
        residue; if it exceeds the memory and is of a kind that cannot be streamed; if it has no
        contact head and one is asked for; if the adapter cannot be read or does not fit.
    ValueError
        If the device does not exist here, the dtype is not one of the three, or the memory is not
        a size.
    """
    if not isinstance(name_or_path, str | os.PathLike):
        raise TypeError(
            f"cannot load a model from a {type(name_or_path).__name__}: give a name, such as "
            "'esm2-8m', or the path of a folder."
        )
    if not os.fspath(name_or_path).strip():
        raise ModelError(
            "the name of the model is empty: available_models() lists the names; for the working "
            "directory, give '.'"
        )
    if backend is not None or executor is not None:
        _check_remote(backend, executor, (device, dtype, memory, contact_head, adapter))
        return _load_remote(os.fspath(name_or_path), executor)
    limit = None if memory is None else byte_size(memory)
    entry = find(name_or_path) if isinstance(name_or_path, str) else None
    if entry is not None and entry.name == "potts-demo":
        if contact_head:
            raise ModelError(f"{entry.name} has no contact head: its couplings are the contacts.")
        if adapter is not None:
            raise ModelError(f"{entry.name} takes no adapter: it is no network.")
        return _load_potts(entry, device, dtype)
    source = _resolve(name_or_path, entry, contact_head)

    # Read once, when torch loads. A notebook shares its cores with a browser, and threads that
    # spin while they wait for each other make a scan there up to ten times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Importing torch and transformers takes seconds: only when a network is really loaded.
    from plmwidgets.models.devices import choose_device, choose_dtype

    place, arithmetic = choose_device(device), choose_dtype(dtype)
    key = (source, state_on_disk(source), str(place), str(arithmetic))
    with loading_once(key):
        for streamed in (False, True):
            model = _networks.get((key, streamed))
            if model is not None and model.suits(limit):
                break
        else:
            model = _loader(source)(source, place, arithmetic, limit)
            model = _networks.setdefault((key, "streamed" in model.capabilities), model)
    return model if adapter is None else model.with_adapter(adapter)


def _loader(source: Source) -> "Callable[..., HuggingFaceMaskedLM]":
    """Return what loads this kind of checkpoint: each wants a transformers of its own."""
    if is_esm3(source):
        from plmwidgets.models import esm3

        return esm3.load
    from plmwidgets.models import pretrained

    return pretrained.load


def _check_remote(backend: str | None, executor: "Executor | None", local: tuple[Any, ...]) -> None:
    if backend not in (None, "ray"):
        raise ValueError(f"unknown backend {backend!r}: use 'ray', or None for this process")
    if backend is not None and executor is not None:
        raise ValueError("give a backend or an executor, not both")
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise TypeError(
            f"executor={executor!r} is none: give one of concurrent.futures or of its kind, such "
            "as Dask's client.get_executor()"
        )
    if any(choice is not None for choice in local):
        raise ValueError(
            "device, dtype, memory, contact_head and adapter are chosen where the model is: leave "
            "them away with a backend or an executor"
        )


def _load_remote(name: str, executor: "Executor | None") -> MaskedLM:
    from plmwidgets.cluster.remote_lm import RemoteMaskedLM

    if executor is not None:
        from plmwidgets.cluster.executor import ExecutorLink

        place = f"executor-{id(executor):x}"  # another executor is another model
        return _shared((name, place), lambda: RemoteMaskedLM(ExecutorLink(name, executor), place))
    from plmwidgets.cluster.ray_link import RayLink

    return _shared((name, "ray"), lambda: RemoteMaskedLM(RayLink(name), "ray"))


def as_model(model: str | os.PathLike[str] | MaskedLM) -> MaskedLM:
    """Return a model as it is, or load it by its name or path.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if isinstance(model, str | os.PathLike):
        return load_model(model)
    if isinstance(model, MaskedLM):
        return model
    raise TypeError(
        f"{type(model).__name__} is not a model: give a name, such as 'esm2-8m', the path of a "
        "folder, or what load_model returns."
    )


def _resolve(
    name_or_path: str | os.PathLike[str], entry: CatalogEntry | None, contact_head: bool | None
) -> Source:
    if contact_head is None:
        contact_head = entry is not None and "contacts" in entry.capabilities
    contact_head = flag("contact_head", contact_head)
    if entry is not None and entry.file is not None:
        head = contact_head and DEMO_CONTACT_HEAD
        return Source(entry.name, entry.checkpoint, entry.file.parent, contact_head=head)
    if entry is not None:
        return Source(
            entry.name,
            entry.checkpoint,
            revision=entry.revision,
            weights_format=entry.weights_format,
            contact_head=contact_head,
        )
    text = os.fspath(name_or_path)
    folder = Path(text).expanduser()
    is_path = not isinstance(name_or_path, str) or text.startswith((".", "~", os.sep))
    if is_path or folder.exists():
        folder = folder.resolve()
        return Source(folder.name, folder.name, folder, contact_head=contact_head)
    if find_folding(text) is not None:
        raise ModelError(
            f"{text} predicts structures and no amino acids: call "
            f"plmwidgets.fold(protein, {text!r})"
        )
    if _HUB_ID.fullmatch(text):
        return Source(text, text, contact_head=contact_head)
    raise ModelError(
        f"there is no model {text!r}{did_you_mean(text) or '.'} available_models() lists the "
        "names; a folder or a hub id such as 'organisation/model' will do as well."
    )


def state_on_disk(source: Source) -> Hashable:
    """Return what changes when a folder is written anew, so that it is then loaded anew."""
    if source.folder is None:
        return None
    paths = [source.folder / "config.json", *weight_files(source, source.folder)]
    return tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in paths)


def _load_potts(
    entry: CatalogEntry, device: "str | torch.device | None", dtype: "str | torch.dtype | None"
) -> MaskedLM:
    if str(device or "cpu") != "cpu" or str(dtype or "float64").removeprefix("torch.") != "float64":
        raise ValueError(
            f"{entry.name} runs on the CPU in float64 only: leave device and dtype away."
        )
    from plmwidgets.models.potts import PottsModel

    path = DEMO_FOLDER / "family.safetensors"
    return _shared(path, lambda: PottsModel.load(path, name=entry.name))


def _shared(key: Hashable, load: Callable[[], MaskedLM]) -> MaskedLM:
    """Return the living model of this key, or load it."""
    with loading_once(key):
        model = _loaded.get(key)
        if model is None:
            model = _loaded[key] = load()
        return model


def loading_once(key: Hashable) -> threading.Lock:
    """Return what is held while a model is loaded, so that other keys are not held up."""
    with _registry:
        return _locks[key]
