"""Which contexts a page knows p(i|M) for, and the model's answers for those not asked before."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from plmwidgets._options import flag
from plmwidgets.models.masked_lm import Context, MaskedLM
from plmwidgets.protein import Protein
from plmwidgets.scan.run import SINGLES_AT_ONCE
from plmwidgets.scan.single import single_contexts
from plmwidgets.scan.start import positions_of
from plmwidgets.service import Priority, service_for


def wanted_contexts(
    protein: Protein,
    visited: Iterable[Context],
    singles: bool,
    more: Iterable[Iterable[int] | str],
) -> list[Context]:
    """List the contexts of a page, each once: no masks, single masks, what was asked for and seen.

    Parameters
    ----------
    protein : Protein
    visited : iterable of Context
        Those that the person has looked at.
    singles : bool
        Whether each residue alone is hidden as well.
    more : iterable of masks
        Each as positions, or as text in the chain's numbering.
    """
    if isinstance(more, str):
        raise TypeError(f"contexts is a list of masks, such as [{more!r}]: not one text")
    asked = [Context(protein.sequence, positions_of(protein, masks)) for masks in more]
    alone = single_contexts(protein.sequence)[0] if flag("singles", singles) else []
    return list(dict.fromkeys([Context.of(protein.sequence), *alone, *asked, *visited]))


def answers(
    model: MaskedLM,
    contexts: Sequence[Context],
    known: Mapping[Context, NDArray[np.floating[Any]]],
) -> NDArray[np.float32]:
    """Return p(i|M) of each context, (n, L, 20): what is not known yet is asked of the model."""
    missing = [context for context in contexts if context not in known]
    found = dict(known)
    service = service_for(model)
    with tqdm(total=len(missing), unit=" contexts", disable=None, desc="page") as bar:
        for start in range(0, len(missing), SINGLES_AT_ONCE):
            part = missing[start : start + SINGLES_AT_ONCE]
            found.update(
                zip(part, service.submit(part, priority=Priority.VISIBLE).result(), strict=True)
            )
            bar.update(len(part))
    return np.stack([np.exp(found[context], dtype=np.float32) for context in contexts])
