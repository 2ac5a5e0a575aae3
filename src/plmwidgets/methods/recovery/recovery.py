"""Contact recovery: how much of a protein must be seen for the contacts of a segment to appear."""

from collections.abc import Iterable
from typing import Any

from plmwidgets.methods.recovery.maps import MapMaker, Maps
from plmwidgets.methods.recovery.plan import Segment, plan_recovery
from plmwidgets.methods.recovery.result import Recovery
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM
from plmwidgets.protein import Protein, as_protein


def recovery(
    protein: Protein | str,
    model: MaskedLM | str,
    segment: Segment | str,
    *,
    partner: Segment | str | None = None,
    strategy: str = "flanking",
    flanks: Iterable[int] | None = None,
    seeds: int = 10,
    nested: bool = True,
    using: str = "contact-head",
) -> Recovery:
    """Hide all but a segment, show more and more, and see when its contacts come back.

    P0 is the contact map of the whole sequence and P1 that of the sequence in which only the
    segment and some other residues are visible: R = sum(P0 P1) / sum(P0 P0) over the segment's
    block, and it counts as recovered where R > 0.5. Returns at once and computes in the
    background: ``.wait()`` blocks with a progress bar.

    Parameters
    ----------
    protein : Protein or str
    model : MaskedLM or str
    segment : tuple of (int, int), or str
        ``(start, stop)``, 0-based, the stop not included; or text in the chain's numbering, such
        as ``"20-41"``. The published analysis takes 22 residues (see `candidate_segments`).
    partner : tuple of (int, int), or str, optional
        A second segment: the block is then that of the one against the other (see
        `element_pairs`).
    strategy : {"flanking", "random", "random-30"}
        What is shown beside the segments at k: the k residues before and the k after (of a pair,
        outwards); as many residues drawn anywhere; or drawn with none within 30 of a segment.
        Where the chain ends within k, flanking shows fewer, and so do the others.
    flanks : iterable of int, optional
        The k to compute; by default, all from 0 until there is no more to show.
    seeds : int
        Number of random draws.
    nested : bool
        Whether what a seed shows at k is shown at every larger k, which gives smooth curves; the
        published analysis draws anew at each k.
    using : {"contact-head", "jacobian"}
        Where maps come from: the model's own contact head, a pass each; or the fast categorical
        Jacobian, as many passes as there are visible residues, for any model. The Jacobian has no
        scale: what is below 0 in it counts as 0, and no threshold on P0 applies.

    Returns
    -------
    Recovery

    Raises
    ------
    ModelError
        If the model cannot take this sequence, or has no contact head.
    ValueError
        If a segment or a flank length does not fit the protein, or an option is not known.

    References
    ----------
    Zhang, Z. et al. (2024). Protein language models learn evolutionary statistics of interacting
    sequence motifs. PNAS 121.

    Examples
    --------
    >>> from plmwidgets import Protein, recovery
    >>> found = recovery(Protein.demo(), "demo", (24, 46), flanks=(0, 5))
    >>> found.wait(quiet=True)
    >>> found.curve()["seeds"].tolist()
    [1, 1]
    """
    result = prepare_recovery(
        protein,
        model,
        segment,
        partner=partner,
        strategy=strategy,
        flanks=flanks,
        seeds=seeds,
        nested=nested,
        using=using,
    )
    result.start()
    return result


def prepare_recovery(
    protein: Protein | str,
    model: MaskedLM | str,
    segment: Segment | str,
    *,
    partner: Segment | str | None = None,
    using: str = "contact-head",
    reference: Maps | None = None,
    **options: Any,
) -> Recovery:
    """Set up what `recovery` starts; `reference` is P0 where it is known."""
    protein, model = as_protein(protein), as_model(model)
    model.check_sequence(protein.sequence)
    plan = plan_recovery(protein, segment, partner, **options)
    maker = MapMaker(model, using)
    result = Recovery(protein, plan, maker.provenance, maker=maker)
    if reference is not None:
        result.take_reference(reference)
    return result
