"""Models that predict structures: what one is, and how it is loaded, once in a process."""

import os
import shutil
import weakref
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from plmwidgets._options import flag
from plmwidgets.models.catalog import CatalogEntry, find, find_folding, readable_bytes
from plmwidgets.models.checkpoint import Source, is_cached
from plmwidgets.models.loading import loading_once, state_on_disk
from plmwidgets.models.masked_lm import MaskedLM, ModelError, ModelIdentity

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class FoldedChain:
    """What a network says of the structure of a chain of L residues.

    Attributes
    ----------
    atom_names : tuple of str
        Of the K kinds of heavy atoms that the twenty amino acids have.
    coordinates : ndarray of float64, shape (L, K, 3)
        In Å; of no meaning for atoms that a residue does not have.
    present : ndarray of bool, shape (L, K)
        Which atoms each residue has.
    plddt : ndarray of float64, shape (L, K)
        Confidence in each atom, 0 to 1.
    ptm : float
        Predicted TM score, 0 to 1.
    aligned_error : ndarray of float64, shape (L, L)
        Expected error in Å of residue j (column) when the structures are aligned on residue i.
    """

    atom_names: tuple[str, ...]
    coordinates: NDArray[np.float64]
    present: NDArray[np.bool_]
    plddt: NDArray[np.float64]
    ptm: float
    aligned_error: NDArray[np.float64]


@runtime_checkable
class FoldingModel(Protocol):
    """A model that predicts the structure of one chain.

    Attributes
    ----------
    name : str
        Short name for people.
    identity : ModelIdentity
    """

    name: str
    identity: ModelIdentity

    def steps(self, recycles: int | None) -> int:
        """Return how many steps a prediction takes, each of which is told."""

    def fold(
        self,
        sequence: str,
        masked: Sequence[int],
        recycles: int | None,
        chunk_size: int | None,
        step: Callable[[int], None],
    ) -> FoldedChain:
        """Predict a structure; one at a time.

        Parameters
        ----------
        sequence : str
            L letters; what is none of the twenty is an unknown residue.
        masked : sequence of int
            Positions whose amino acid the network is not shown, nowhere.
        recycles : int or None
            How often its output is fed back in; None as the checkpoint says.
        chunk_size : int or None
            Rows of the pair representation computed at once; None as the checkpoint says.
        step : callable
            Told how many steps are done, after each and, with 0, while another prediction is under
            way; from the thread that calls this. What it raises ends the work.
        """


_loaded: "weakref.WeakValueDictionary[Hashable, FoldingModel]" = weakref.WeakValueDictionary()


def load_folding_model(
    name_or_path: str | os.PathLike[str] = "esmfold",
    device: "str | torch.device | None" = None,
    *,
    download: bool = False,
) -> FoldingModel:
    """Load a model that predicts structures, or join the one that is loaded.

    The same arguments give the same object as long as somebody holds it, a `Fold` included.

    Parameters
    ----------
    name_or_path : str or path-like
        ``"esmfold"``, or a folder as ``EsmForProteinFolding.save_pretrained`` writes it. No
        tokenizer is needed.
    device : str or torch.device, optional
        As for `load_model`. On a GPU, ESMFold's language model runs in float16 where its
        configuration says so, as ESMFold's does; on a CPU all runs in float32.
    download : bool
        Fetch the weights if they are not on this computer: 8.4 GB for ``"esmfold"``. Without it,
        an error says how much there is to fetch.

    Returns
    -------
    FoldingModel

    Raises
    ------
    ModelError
        If there is no such model, or its weights are not here, do not fit the memory or the disk,
        are damaged or are of another kind.
    ValueError
        If the device does not exist here.

    Examples
    --------
    >>> from plmwidgets import load_folding_model
    >>> model = load_folding_model("esmfold", download=True)  # doctest: +SKIP
    """
    if not isinstance(name_or_path, str | os.PathLike):
        raise TypeError(
            f"cannot load a model of structures from a {type(name_or_path).__name__}: give "
            "'esmfold', or the path of a folder"
        )
    source = _resolve(name_or_path, flag("download", download))
    # Slow to import, and only needed once something is really loaded.
    from plmwidgets.models import esmfold
    from plmwidgets.models.devices import choose_device

    place = choose_device(device)
    key = ("folding", source, state_on_disk(source), str(place))
    with loading_once(key):
        model = _loaded.get(key)
        if model is None:
            model = _loaded[key] = esmfold.load(source, place)
        return model


def as_folding_model(model: str | os.PathLike[str] | FoldingModel) -> FoldingModel:
    """Return a model of structures as it is, or load it by its name or path.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if isinstance(model, str | os.PathLike):
        return load_folding_model(model)
    if isinstance(model, FoldingModel):
        return model
    what = f"{model.name} is a masked language model" if isinstance(model, MaskedLM) else ""
    raise TypeError(
        f"{what or f'{type(model).__name__} is no model'}, and structures need 'esmfold', the path "
        "of a folder, or what load_folding_model returns"
    )


def _resolve(name_or_path: str | os.PathLike[str], download: bool) -> Source:
    text = os.fspath(name_or_path)
    entry = find_folding(text) if isinstance(name_or_path, str) else None
    if entry is not None:
        source = Source(
            entry.name,
            entry.checkpoint,
            revision=entry.revision,
            weights_format=entry.weights_format,
            tokenizer=False,
        )
        if not is_cached(source):
            _check_download(entry, download)
        return source
    folder = Path(text).expanduser()
    if isinstance(name_or_path, str) and not folder.exists() and find(text) is not None:
        raise ModelError(
            f"{text} is a masked language model and predicts no structures: use 'esmfold', or a "
            "folder with an ESMFold of your own"
        )
    if not folder.exists() and os.sep not in text:
        raise ModelError(
            f"there is no model of structures {text!r}: use 'esmfold', or the path of a folder"
        )
    folder = folder.resolve()
    return Source(folder.name, folder.name, folder, tokenizer=False)


def _check_download(entry: CatalogEntry, download: bool) -> None:
    """Refuse to fetch gigabytes that nobody asked for, or that do not fit the disk."""
    from huggingface_hub.constants import HF_HUB_CACHE

    folder = Path(HF_HUB_CACHE)
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    wanted, memory = entry.download or 0, 4 * (entry.parameters or 0)
    size = readable_bytes(wanted)
    if not download:
        raise ModelError(
            f"the weights of {entry.name} ({entry.checkpoint}) are not on this computer. To fetch "
            f"them, {size}, call plmwidgets.load_folding_model({entry.name!r}, download=True) "
            f"once; they go to {folder}, where {readable_bytes(free)} are free. In use they take "
            f"{size} on a GPU, or {readable_bytes(memory)} of memory on a CPU"
        )
    if free < wanted:
        raise ModelError(
            f"the weights of {entry.name} are {size}, and {folder} has {readable_bytes(free)} "
            "free: free some space, or set HF_HOME to a folder on a larger disk, before Python "
            "starts"
        )
