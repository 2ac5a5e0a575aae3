"""The three verbs of a mask scan: one context, all single masks, all pairs of masks."""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal
from weakref import WeakValueDictionary

import numpy as np
import pandas as pd
from tqdm import tqdm

from plmwidgets._numbers import byte_size, real_number, whole_number
from plmwidgets._options import choice, flag
from plmwidgets._warn import warn
from plmwidgets.models import as_model, load_model
from plmwidgets.models.masked_lm import Context, MaskedLM, ModelError, chosen_precision
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan.cache import VARIABLE, cached_place, mark_used
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.places import DamagedStoreError, Place, StoreError, place_of
from plmwidgets.scan.progress import ScanStatus
from plmwidgets.scan.run import SINGLES_AT_ONCE, PairScanRun
from plmwidgets.scan.single import SingleScan, single_contexts
from plmwidgets.scan.store import PairStore
from plmwidgets.scan.superposed import SuperposedRun
from plmwidgets.scan.tables import probability_table
from plmwidgets.service import Priority, service_for

_with_store: "WeakValueDictionary[str, PairScan]" = WeakValueDictionary()
_OPTIONS: Final[Mapping[str, Callable[[Any], float]]] = {
    "replacements": lambda given: whole_number("replacements", given, 0),
    "audit": lambda given: whole_number("audit", given, 2),
    "memory": lambda given: byte_size(given, 0),
    "tolerance": lambda given: real_number("tolerance", given),
}
"""How those of the superposed scan are checked."""
LARGEST = 4000  # residues: the result, 2 x 20 numbers a pair, is held in memory (1.3 GB there)


def predict(
    protein: Protein | str,
    model: MaskedLM | str,
    masked: Iterable[int] | str = (),
    substitutions: Mapping[int, str] | str | None = None,
) -> pd.DataFrame:
    """Return p(i|M): what the model believes about every residue when M is hidden.

    Parameters
    ----------
    protein : Protein or str
    model : MaskedLM or str
        A loaded model, or what `load_model` takes.
    masked : iterable of int, or str
        Hidden positions M, 0-based; or text such as ``"3-10, 25, A40"`` in the chain's numbering.
    substitutions : mapping of int to str, or str, optional
        Residues to replace before the model looks, ``{position: amino acid}``; or text such as
        ``"A25G:L30P"``.

    Returns
    -------
    DataFrame, shape (L, 20)
        Probabilities; a row a residue (labelled as ``A25``), a column an amino acid.
    """
    protein, model = as_protein(protein), as_model(model)
    model.check_sequence(protein.sequence)
    if isinstance(substitutions, str):
        substitutions = protein.parse_substitutions(substitutions)
    context = Context.of(protein.sequence, positions_of(protein, masked), substitutions)
    rows = service_for(model).log_probabilities([context])[0]
    return probability_table(protein, rows)


def scan_singles(
    protein: Protein | str, model: MaskedLM | str, precision: str | None = None
) -> SingleScan:
    """Hide each residue in turn and keep p(i|{i}): L passes, with a progress bar in a terminal.

    Parameters
    ----------
    protein : Protein or str
    model : MaskedLM or str
    precision : {None, "reference", "final", "preview"}
        As for `scan_pairs`.

    Returns
    -------
    SingleScan
    """
    protein, model = as_protein(protein), as_model(model)
    model.check_sequence(protein.sequence)
    precision = chosen_precision(model, precision)
    service = service_for(model)
    contexts, hidden = single_contexts(protein.sequence)
    rows = []
    with tqdm(total=len(contexts), unit=" residues", disable=None, desc="single scan") as bar:
        for start in range(0, len(contexts), SINGLES_AT_ONCE):
            part = slice(start, start + SINGLES_AT_ONCE)
            future = service.submit(
                contexts[part], hidden[part], priority=Priority.VISIBLE, precision=precision
            )
            rows.append(future.result())
            bar.update(len(rows[-1]))
    return SingleScan(protein, np.concatenate(rows)[:, 0], provenance_of(model, precision))


def scan_pairs(
    protein: Protein | str,
    model: MaskedLM | str,
    store: str | os.PathLike[str] | None = None,
    positions: Iterable[int] | str | None = None,
    *,
    method: Literal["exact", "superposed"] = "exact",
    precision: str | None = None,
    replacements: int | None = None,
    audit: int | None = None,
    memory: int | str | None = None,
    tolerance: float | None = None,
    backend: Literal["ray"] | None = None,
) -> PairScan:
    """Hide every pair of residues and keep p(i|{i,j}) and p(j|{i,j}); returns at once.

    The scan runs in the background: the single masks first, then the pairs in the order of the
    effect that the singles predict. ``scan.wait()`` blocks with a progress bar, ``scan.pause()``,
    ``scan.resume()`` and ``scan.cancel()`` control it, and what is computed can be read any time.

    Parameters
    ----------
    protein : Protein or str
    model : MaskedLM or str
    store : path or URL, optional
        Folder (Zarr), or a URL that fsspec knows, such as ``"s3://bucket/scan.zarr"``, that keeps
        every finished block. The same call after a crash, or in another
        session, goes on where it stopped. A store of another sequence, model or precision is
        refused.
    positions : iterable of int, or str, optional
        Scan the pairs among these positions only (0-based, or text in the chain's numbering).
    method : {"exact", "superposed"}
        ``"exact"``: a pass of the model for every pair. ``"superposed"``: an estimate of all pairs
        for the work of about two passes for every *residue*, then exact passes for the strongest
        pairs and for a random sample, from which ``scan.audit`` states the error;
        ``scan.origin`` tells for each pair how it was obtained, and ``scan.upgrade()`` makes all
        of them exact. For models of ESM's and ESM C's kind.
    precision : {None, "reference", "final", "preview"}
        ``"reference"``: float32. ``"final"``: products in float16, all between them in float32; on
        a GPU, where it is the default. ``"preview"``: bfloat16, two to four times as fast as
        float32 on processors made for it, and noisy: see ``scan.noise_floor()``.
    replacements : int, optional
        Superposed: number of pairs of largest estimates to compute exactly; by default, 2.25 for
        each position, which settles which pairs are the first two for each.
    audit : int, optional
        Superposed: number of other pairs to compute exactly, a fifth of them the next ranks, the
        others at random; 200 by default.
    memory : int or str, optional
        Superposed: most that the pass may take on the device, in bytes or as text such as
        ``"8 GB"``; most of what is free by default. The rest lies in host memory or in a
        temporary file.
    tolerance : float, optional
        Superposed: the 99th percentile of the error of ``js_dist`` above which the scan advises to
        `upgrade`; 0.01 by default.
    backend : {None, "ray"}
        Where the model of this name is, as for `load_model`: with ``"ray"``, the blocks are spread
        over all its replicas.

    Returns
    -------
    PairScan

    Raises
    ------
    ModelError
        If the model cannot take this sequence, or has no superposed pass.
    StoreError
        If the store cannot be written, or belongs to another scan.
    ValueError
        If there are fewer than two positions, more than 4,000 residues, if the method or precision
        is not known, or an option makes no sense.
    """
    if backend is not None:
        if not isinstance(model, str):
            raise TypeError("give the model by its name with a backend: a loaded one has its own")
        model = load_model(model, backend=backend)
    options: dict[str, Any] = {
        "replacements": replacements,
        "audit": audit,
        "memory": memory,
        "tolerance": tolerance,
    }
    scan = prepare_pairs(
        protein,
        model,
        store,
        positions,
        method=method,
        precision=precision,
        **{name: value for name, value in options.items() if value is not None},
    )
    scan.start()
    return scan


def prepare_pairs(
    protein: Protein | str,
    model: MaskedLM | str,
    store: str | os.PathLike[str] | None = None,
    positions: Iterable[int] | str | None = None,
    *,
    method: Literal["exact", "superposed"] = "exact",
    precision: str | None = None,
    cache: bool = False,
    **options: Any,
) -> PairScan:
    """Set up what `scan_pairs` starts; parameters and errors are the same.

    With `cache` and without a store, the scan is kept in the cache folder, if that is possible:
    if its model's identity names the weights, and if the folder can be written to.
    """
    protein, model = as_protein(protein), as_model(model)
    chosen = None if positions is None else positions_of(protein, positions)
    check_scan(protein, model, chosen, method, options)
    options = {name: _OPTIONS[name](value) for name, value in options.items()}
    precision = chosen_precision(model, precision)
    # The shape of a batch may decide the last bits of a result: a scan that goes on keeps it.
    provenance = {
        **provenance_of(model, precision),
        "batch": model.preferred_batch(len(protein)),
    }
    place = None if store is None else place_of(store)
    if store is None and flag("cache", cache) and model.identity.by_content:
        place = cached_place(protein.sequence, provenance["identity"], chosen)
    # A cell that is run again while its scan runs gets that scan: two would do all work twice.
    running = None if place is None else _with_store.get(place.key)
    if running is not None and _goes_on(running, protein, provenance, chosen):
        if running.method == method:
            return running
        told = f"the {running.method} scan of {place} is running in this session"
        if store is not None:
            raise StoreError(
                f"{told}: wait for it, or cancel it, before a scan by another method goes on from "
                "there"
            )
        warn(f"{told}: the {method} one is kept in memory alone")
        place = None
    scan = PairScan(protein, provenance=provenance, positions=chosen)
    opened = None
    if place is not None:
        open_store = _open_in_cache if store is None else PairStore.open_or_create
        opened = open_store(place, protein, provenance, chosen)
    if place is not None and opened is not None:
        _with_store[place.key] = scan
        single = opened.read_single()
        scan.single = None if single is None else SingleScan(protein, single, provenance)
        scan.take(opened)
        kept = opened.metadata["provenance"]
        scan.provenance.update(
            {name: kept[name] for name in ("batch", "noise_floor") if name in kept}
        )
    if method == "superposed":
        scan.attach(SuperposedRun(scan, service_for(model), opened, precision, **options))
    else:
        scan.attach(PairScanRun(scan, service_for(model), opened, precision))
    return scan


def check_scan(
    protein: Protein,
    model: MaskedLM,
    positions: tuple[int, ...] | None,
    method: str,
    options: Iterable[str] = (),
) -> None:
    """Refuse, as `scan_pairs` does, what cannot be scanned.

    Raises
    ------
    ModelError, ValueError
        See `scan_pairs`.
    """
    model.check_sequence(protein.sequence)
    choice("method", method, ("exact", "superposed"))
    if options and method == "exact":
        raise ValueError(f"{', '.join(options)}: only for method='superposed'")
    if method == "superposed" and "pair_pass" not in model.capabilities:
        raise ModelError(
            f"{model.name} has no superposed pass, which exists for models of ESM's and ESM C's "
            "kind alone: scan with method='exact'."
        )
    if positions is not None and len(positions) < 2:
        raise ValueError("a pair scan needs at least two positions")
    if len(protein) < 2:
        raise ValueError("a pair scan needs a protein of at least two residues")
    if len(protein) > LARGEST:
        raise ValueError(
            f"a pair scan takes at most {LARGEST:,} residues and {protein.name} has "
            f"{len(protein):,}: cut it into domains, and scan each as a protein of its own"
        )


def _goes_on(
    scan: PairScan,
    protein: Protein,
    provenance: Mapping[str, Any],
    positions: tuple[int, ...] | None,
) -> bool:
    same = (scan.protein, scan.provenance["identity"], scan.positions) == (
        protein,
        provenance["identity"],
        positions,
    )
    return same and scan.progress.status is ScanStatus.RUNNING


def positions_of(protein: Protein, positions: Iterable[int] | str) -> tuple[int, ...]:
    """Return checked 0-based positions, ascending, from numbers or from text.

    Raises
    ------
    IndexError
        If one is no whole number within the protein.
    TypeError
        If they are no iterable.
    ValueError
        If text cannot be read.
    """
    if isinstance(positions, str):
        positions = protein.parse_positions(positions)
    return Context.of(protein.sequence, positions).masked


def position_of(protein: Protein, given: int | str) -> int:
    """Return one checked 0-based position, from a number or from a label such as ``"A25"``.

    Raises
    ------
    IndexError
        If it is no whole number within the protein.
    ValueError
        If text cannot be read, or names no residue or several.
    """
    found = positions_of(protein, given if isinstance(given, str) else (given,))
    if len(found) != 1:
        raise ValueError(f"{given!r} names {len(found)} residues: name one residue, such as 'A25'")
    return found[0]


def provenance_of(model: MaskedLM, precision: str) -> dict[str, Any]:
    """Describe the model that a result came from, and in which arithmetic."""
    identity = {**model.identity.result_key, "precision": precision}
    return {"model": model.name, "identity": identity}


def _open_in_cache(
    place: Place,
    protein: Protein,
    provenance: Mapping[str, Any],
    positions: tuple[int, ...] | None,
) -> PairStore | None:
    """Open or create a store of the cache; None, and a warning, if that cannot be done."""
    try:
        try:
            store = PairStore.open_or_create(place, protein, provenance, positions, optional=True)
        except DamagedStoreError as error:
            warn(f"{error}. It lay in the cache, from where it is removed: the scan begins anew")
            place.remove()
            store = PairStore.open_or_create(place, protein, provenance, positions, optional=True)
        mark_used(place)
    except (StoreError, OSError) as error:
        warn(
            f"{error}. The scan is in memory alone: state a store, or another folder for the cache "
            f"by {VARIABLE}"
        )
        return None
    return store
