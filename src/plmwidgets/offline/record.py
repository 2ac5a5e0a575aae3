"""What a page shows: the views' traits, and the numbers that Python would hand them later."""

import datetime
from collections.abc import Iterable, Set
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
from numpy.typing import NDArray

from plmwidgets._version import __version__
from plmwidgets.models.masked_lm import Context
from plmwidgets.offline.contexts import answers, wanted_contexts
from plmwidgets.offline.packing import pack_envelope, pack_map, pack_probabilities
from plmwidgets.scan.origin import Origin
from plmwidgets.widgets.colouring import (
    CHEMISTRY,
    LIVE,
    LIVE_LIMITS,
    SCANNED,
    ColouredView,
    Scalar,
    scan_scalar,
)
from plmwidgets.widgets.normalisation import NORMALISATIONS
from plmwidgets.widgets.pair_heatmap import PairHeatmap
from plmwidgets.widgets.view import View, bundle_names, envelope

if TYPE_CHECKING:
    from plmwidgets.scan.pair import PairScan
    from plmwidgets.widgets.explorer import Explorer

Record = dict[str, Any]
Origins = NDArray[np.uint8]

# What changes with what a person does: the page finds it among the numbers recorded.
_ANSWERS = {
    "selection_state", "hover", "values", "value_label", "value_range", "value_kind",
    "value_classes", "prediction", "upper_map", "lower_map", "estimated", "pairs", "progress",
    "region", "pending", "error", "notice", "answered",
}  # fmt: skip

_ALONE: Record = {"models": [], "shown": ""}
"""Of two models the page has the one alone."""

_USABLE = {"unmasking_player"}
"""Bundles of views that show all their states without Python."""


def record_of(
    explorer: "Explorer", singles: bool, contexts: Iterable[Iterable[int] | str]
) -> Record:
    """Collect all that a page of an explorer needs, ready for JSON; see `Explorer.to_html`."""
    protein, model, scan = explorer.protein, explorer.model, explorer.scan
    origin = scan.origin.copy()  # what is computed meanwhile is left out
    seen = {past.context: past.log_probabilities for past in explorer.live.visited}
    listed = wanted_contexts(protein, seen, singles, contexts)
    colours = _colours(explorer)
    views: dict[str, Record] = {
        "sequence_strip": _coloured(explorer.strip, colours),
        "distributions": {**traits_of(explorer.distributions), "reference_name": "", **_ALONE},
    }
    maps = _maps(explorer.heatmap, _name_of(explorer))
    if maps is not None:
        views["pair_heatmap"] = {
            **traits_of(explorer.heatmap),
            **maps.pop("chosen"),
            "estimated": _estimated(origin),
        }
    if protein.structure is not None:
        pairs = explorer.structure.strongest_pairs(explorer.structure.top_k_max, scan)
        views["structure_view"] = {
            **_coloured(explorer.structure, colours),
            "pairs": pairs,
            "top_k": min(explorer.structure.top_k, len(pairs)),
            "top_k_max": len(pairs),
        }
    return {
        "made": {
            "name": protein.name,
            "model": model.name,
            "date": datetime.date.today().isoformat(),
            "version": __version__,
        },
        "facts": _facts(scan, origin, listed) + _left_out(explorer),
        "views": views,
        "selection": explorer.selection.to_state(),
        "contexts": [[list(c.masked), [list(s) for s in c.substitutions]] for c in listed],
        "probabilities": pack_probabilities(answers(model, listed, seen)),
        "pairs": _pairs(scan, origin),
        "colours": colours,
        "maps": maps,
    }


def still_of(views: Iterable[View]) -> Record:
    """Collect what shows views as they stand, in a page that answers nothing.

    Some can be used all the same: their traits hold all that one can see by moving in them.

    Parameters
    ----------
    views : iterable of View
    """
    named = [(bundle_names()[view._bundle], view) for view in views]
    return {
        "still": [
            {"name": name, "traits": traits_of(view, {"answered"}), "usable": name in _USABLE}
            for name, view in named
        ]
    }


def traits_of(view: View, without: Set[str] = _ANSWERS) -> Record:
    """Return the view's own synced traits, arrays packed, by default without the page's answers."""
    base = set(anywidget.AnyWidget.class_trait_names())
    own = [name for name in view.trait_names(sync=True) if name not in base and name[0] != "_"]
    state = view.get_state(key=[name for name in own if name not in without])
    return {name: _packed(value) for name, value in state.items()}


def _coloured(view: ColouredView, colours: Record) -> Record:
    """Return the same of a view that colours residues, with the colours that the page knows."""
    options = [option for option in view.colour_options if option[0] in {CHEMISTRY, *colours}]
    offered = view.colour_by in [name for name, _ in options]
    by = view.colour_by if offered else CHEMISTRY
    return {**traits_of(view), "colour_options": options, "colour_by": by, **_ALONE}


def _packed(value: Any) -> Any:
    if isinstance(value, dict):
        if isinstance(value.get("data"), bytes):
            return pack_envelope(value)
        return {name: _packed(part) for name, part in value.items()}
    return [_packed(part) for part in value] if isinstance(value, (list, tuple)) else value


def _pairs(scan: "PairScan", origin: Origins) -> Record | None:
    """p(i|{i,j}) of every ordered pair, with p(i|{i}) on the diagonal; NaN where unknown."""
    rows = np.exp(scan.log_probabilities, dtype=np.float32)
    rows[origin == Origin.MISSING] = np.nan
    if scan.single is not None:
        own = np.arange(len(rows))
        rows[own, own] = scan.single.probabilities
    return None if np.isnan(rows).all() else pack_probabilities(rows)


def _estimated(origin: Origins) -> Record | None:
    estimated = origin == Origin.ESTIMATED
    packed = envelope(estimated) if estimated.any() else None
    return None if packed is None else pack_envelope(packed)


def _colours(explorer: "Explorer") -> Record:
    """Collect the scalars that views offer; those that follow the masks without their values."""
    colours: Record = {
        name: _colour_of(Scalar(np.array([]), label, LIVE_LIMITS[name]), None)
        for name, label in LIVE.items()
    }
    scanned = {name: scan_scalar(name, explorer.scan) for name in SCANNED}
    for name, scalar in {**scanned, **explorer.strip.fixed, **explorer.structure.fixed}.items():
        if scalar is not None:
            colours[name] = _colour_of(scalar, pack_map(scalar.values))
    return colours


def _colour_of(scalar: Scalar, values: Record | None) -> Record:
    return {
        "label": scalar.label,
        "range": list(scalar.limits),
        "kind": scalar.kind,
        "classes": list(scalar.classes),
        "values": values,
    }


def _name_of(explorer: "Explorer") -> str:
    """Name of the model in the pair map."""
    two = explorer.two_models
    return explorer.heatmap.upper_model if two is None else two.names[1]


def _left_out(explorer: "Explorer") -> list[str]:
    two = explorer.two_models
    if two is None:
        return []
    return [f"All of {two.names[1]}: {two.names[0]} and the difference need the notebook."]


def _maps(heatmap: PairHeatmap, model: str) -> Record | None:
    """Every map that the view offers, in every normalisation; None where there is none at all."""
    arrays: list[Record] = []
    contents: dict[str, dict[str, Record]] = {}
    for how in NORMALISATIONS:
        contents[how] = {}
        for name, _ in heatmap.options:
            plain = contents["none"].get(name)
            if how != "none" and plain is None:
                continue
            content, values = heatmap.content(name, how, model)
            if not np.isfinite(values).any():
                continue
            if plain is not None and not content["normalised"]:
                index = plain["values"]
            else:
                index = len(arrays)
                arrays.append(pack_map(values))
            contents[how][name] = {**content, "values": index}
    there = contents["none"]
    if not there:
        return None
    options = [[name, label] for name, label in heatmap.options if name in there]
    first = options[0][0]
    upper = heatmap.upper if heatmap.upper in there else first
    lower = heatmap.lower if heatmap.lower in there else first
    kinds = [
        [how, label]
        for how, label in NORMALISATIONS.items()
        if how == "none" or any(content["normalised"] for content in contents[how].values())
    ]
    known = [how for how, _ in kinds]
    chosen = {
        "options": options,
        "models": [model],
        "upper_model": model,
        "lower_model": model,
        "upper": upper,
        "lower": lower,
        "normalisations": kinds,
        "normalisation": heatmap.normalisation if heatmap.normalisation in known else "none",
    }
    return {"contents": contents, "arrays": arrays, "chosen": chosen}


def _facts(scan: "PairScan", origin: Origins, contexts: list[Context]) -> list[str]:
    """Say what is recorded and how the pairs were obtained, in plain words."""
    alone = sum(len(c.masked) == 1 and not c.substitutions for c in contexts)
    others = len(contexts) - alone - 1
    every = "each residue masked alone"
    whole, masked = ["no masks"], []
    if alone == len(scan.protein):
        whole.append(every)
    else:
        if alone:
            whole.append(f"{alone:,} residue{'s' if alone > 1 else ''} masked alone")
        if scan.single is not None:
            masked.append(every)
    if others:
        whole.append(f"the {others:,} {'sets' if others > 1 else 'set'} of masks in the list below")
    if origin.any():
        precision = scan.provenance.get("identity", {}).get("precision")
        how = f"{scan.method}, {precision} precision" if precision else scan.method
        if estimated := np.count_nonzero(origin == Origin.ESTIMATED) // 2:
            how += f", {estimated:,} pairs estimated"
        count = np.count_nonzero(origin) // 2
        masked.append(f"{count:,} of {scan.pairs_total:,} pairs ({how})")
    facts = [f"Recorded for the whole protein: {', '.join(whole)}."]
    if masked:
        facts.append(f"Recorded for the masked residues: {', '.join(masked)}.")
    if scan.audit is not None:
        told = str(scan.audit)
        facts.append(f"{told[0].upper()}{told[1:]}.")
    return facts
