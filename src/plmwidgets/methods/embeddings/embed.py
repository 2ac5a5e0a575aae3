"""Embeddings of proteins: what a model makes of each residue, and their mean over a sequence."""

import os
from collections.abc import Iterable, Sequence
from typing import Literal
from weakref import WeakValueDictionary

from plmwidgets._options import flag
from plmwidgets.methods.embeddings.input import (
    Proteins,
    SequenceSet,
    chosen_layers,
    embedding_model,
    proteins_of,
)
from plmwidgets.methods.embeddings.result import Embeddings
from plmwidgets.methods.embeddings.run import EmbeddingRun
from plmwidgets.methods.embeddings.states import EmbeddingStore, States
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM, chosen_precision
from plmwidgets.scan.places import place_of
from plmwidgets.scan.start import positions_of, provenance_of
from plmwidgets.service import service_for

_with_store: "WeakValueDictionary[str, Embeddings]" = WeakValueDictionary()


def embed(
    proteins: Proteins,
    model: MaskedLM | str,
    *,
    layers: int | Sequence[int] | Literal["all"] | None = None,
    pooled: bool = False,
    masked: Iterable[int] | str = (),
    store: str | os.PathLike[str] | None = None,
    precision: str | None = None,
) -> Embeddings:
    """Compute the hidden states of residues, and their mean over each sequence.

    Returns at once: the work goes on in the background, after clicks. ``wait()`` blocks with a
    progress bar; ``pause()``, ``resume()`` and ``cancel()`` control it. Sequences of one length go
    through the model together, so that nothing is padded.

    Parameters
    ----------
    proteins : Protein, str, path, or iterable of Protein or str
        A protein or a sequence, some of them, or the path of a FASTA file (``.gz`` may follow), all
        of whose entries are read, or of a structure.
    model : MaskedLM or str
        A loaded model, or what `load_model` takes.
    layers : int, sequence of int, or "all", optional
        After how many of the N layers, 0 to N, counted as transformers' ``hidden_states``: 0 is
        what the first layer is given, N what the masked-LM head is given, which is after the final
        layer norm of ESM and ESM C. N alone by default.
    pooled : bool
        Keep the means alone: 4 bytes x layers x width for each sequence instead of each residue.
    masked : iterable of int, or str
        Hidden positions, 0-based, or text such as ``"3-10, 25, A40"``; for one protein alone.
    store : path or URL, optional
        Folder (Zarr), or a URL that fsspec knows, that keeps every finished sequence. The same call
        after a crash, or in another session, goes on where it stopped. Without one, residues are in
        memory, and beyond 256 MB in a temporary folder that goes with the result.
    precision : {None, "reference", "final", "preview"}
        As for `scan_pairs`.

    Returns
    -------
    Embeddings

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    IndexError
        If there is no such layer.
    ModelError
        If the model has no hidden states, or does not take one of the sequences.
    StoreError
        If the store cannot be written, or belongs to other embeddings.
    TypeError, ValueError
        If there is no sequence, one cannot be read, or an option is not known.

    Examples
    --------
    >>> from plmwidgets import Protein, embed
    >>> found = embed(Protein.demo(), "demo")
    >>> found.wait()
    >>> found.residues().shape, found.pooled().shape
    ((64, 96), (1, 96))
    """
    subject, model = SequenceSet(proteins_of(proteins)), as_model(model)
    able = embedding_model(model, subject.proteins)
    chosen = chosen_layers(able, layers)
    hidden = positions_of(subject.proteins[0], masked)
    if hidden and len(subject.proteins) > 1:
        raise ValueError(
            f"masked= names positions of one protein, and these are {len(subject.proteins)}: embed "
            "one at a time to hide residues"
        )
    precision = chosen_precision(model, precision)
    provenance = {**provenance_of(model, precision), "width": able.embedding_shape[1]}
    provenance["identity"] |= {
        "layers": list(chosen),
        "pooled": flag("pooled", pooled),
        "masked": sorted(set(hidden)),
    }
    opened = None
    if store is not None:
        place = place_of(store)
        running = _with_store.get(place.key)
        # A cell that is run again while its work runs gets that: two would do all of it twice.
        if running is not None and running.is_of(subject, provenance["identity"]):
            return running
        opened = EmbeddingStore.open_or_create(place, subject, provenance)
    states = States.of(subject, provenance, opened)
    made = Embeddings(subject.proteins, states, provenance)
    run = EmbeddingRun(subject, states, service_for(model), provenance)
    if store is not None:
        _with_store[place.key] = run.held = made
    made.attach(run)
    made.start()
    return made
