"""How well maps of residue pairs find contacts, one protocol for all of them."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from plmwidgets import metrics
from plmwidgets._numbers import whole_number
from plmwidgets._options import flag
from plmwidgets._warn import warn
from plmwidgets.methods.contacts.maps import Map, by_name, known_contacts, scores_of
from plmwidgets.metrics import AUC_SHARES, MIN_SEPARATION, SEPARATIONS, Ranking
from plmwidgets.protein import Protein, as_protein

CUTS: Final = {"L": 1, "L/2": 2, "L/5": 5}
"""Of the ranked pairs: the best L, L/2 (rounded down) and L/5."""

MEASURES: Final = (*(f"P@{cut}" for cut in CUTS), "AUC", "AP")


def evaluate_contacts(
    protein: Protein | str,
    maps: Mapping[str, Map] | Map,
    truth: ArrayLike | None = None,
    min_separation: int = MIN_SEPARATION,
) -> "ContactEvaluation":
    """Measure how well maps of residue pairs find the contacts of a protein.

    Parameters
    ----------
    protein : Protein or str
        L residues.
    maps : mapping of str to map, or one map
        By the names to show. A map is an (L, L) array or DataFrame, larger where a contact is more
        likely and NaN where nothing is known, or anything with such a ``contacts()``: a `PairScan`,
        for instance, once it is finished. The rows and columns of a DataFrame that are labelled as
        the protein's residues are brought into their order.
    truth : array_like, shape (L, L), optional
        True or 1 where residues touch, NaN where that is not known, such as
        `PottsModel.contact_map`. By default the protein's structure: CB to CB below 8 Å.
    min_separation : int
        Least ``|i - j|`` of the pairs that count as "all"; a whole number, at least 1.

    Returns
    -------
    ContactEvaluation

    Raises
    ------
    TypeError
        If a map is nothing of the kind.
    ValueError
        If there is no truth, no map, two maps of one name, or a map or the truth is of another
        shape, of another protein, labelled otherwise or without any number; the message names it.
    RuntimeError
        If a map is the result of work that is not finished.

    Warns
    -----
    UserWarning
        If a map has no score at some of the judged pairs, such as a scan of some positions.

    Examples
    --------
    >>> import numpy as np
    >>> from plmwidgets import Protein, evaluate_contacts
    >>> protein = Protein.demo()
    >>> evaluation = evaluate_contacts(protein, {"nearness": -protein.distance_map()})
    >>> float(evaluation.table().loc["nearness", ("all", "AP")])
    1.0
    """
    protein = as_protein(protein)
    named = by_name(maps)
    if truth is None:
        if not protein.has_structure:
            raise ValueError(
                f"{protein.name!r} has no structure that tells its contacts: attach one with "
                "protein.with_structure('file.cif'), or give truth=, an (L, L) array"
            )
        truth = protein.contact_map()
    return ContactEvaluation(
        protein,
        {name: scores_of(protein, name, given) for name, given in named.items()},
        known_contacts(protein, truth),
        min_separation,
    )


class ContactEvaluation:
    """What `evaluate_contacts` found.

    Unordered pairs are ranked, each once, by the mean of (i, j) and (j, i); pairs of unknown truth
    are left out. P@L/k is the share of contacts among the ⌊L/k⌋ best, AUC the mean of P at 0.1 L,
    0.2 L ... 1.0 L, AP the average precision (area under the precision-recall curve, in steps). A
    pair without a score is never found, and where there are fewer pairs than asked for, the missing
    ones are misses. Pairs of equal score count as in the mean over all their orders. In a class
    without a contact nothing can be measured: NaN.

    Parameters
    ----------
    protein : Protein
    maps : dict of str to ndarray, shape (L, L)
        Symmetric.
    truth : ndarray, shape (L, L)
        1 contact, 0 none, NaN unknown.
    min_separation : int

    Attributes
    ----------
    protein, maps, truth, min_separation
        As above.
    separations : dict of str to (int, int or None)
        First and last ``|i - j|`` of ``"all"`` and of the classes ``"local"`` (3-5), ``"short"``
        (6-11), ``"medium"`` (12-23) and ``"long"`` (24 and more).
    """

    def __init__(
        self,
        protein: Protein,
        maps: Mapping[str, NDArray[np.float64]],
        truth: NDArray[np.float64],
        min_separation: int = MIN_SEPARATION,
    ) -> None:
        min_separation = whole_number("min_separation", min_separation)
        self.protein = protein
        self.maps = dict(maps)
        self.truth = truth
        self.min_separation = min_separation
        self.separations = {"all": (min_separation, None), **SEPARATIONS}
        self._i, self._j = metrics.pairs_between(len(protein), min_separation)
        known = np.isfinite(truth[self._i, self._j])
        self._i, self._j = self._i[known], self._j[known]
        if not len(self._i):
            raise ValueError(
                f"of no pair of {protein.name} at |i - j| >= {min_separation} is it known whether "
                "it is a contact: choose a smaller min_separation, or another truth"
            )
        self._rankings: dict[tuple[str, str], Ranking] = {
            (name, separation): metrics.rank_pairs(values, truth, *between)
            for name, values in self.maps.items()
            for separation, between in self.separations.items()
        }
        for name in self.maps:
            scored, pairs = int(self._rankings[name, "all"].ends[-1]), len(self._i)
            if not scored:
                raise ValueError(
                    f"the map {name!r} has no value at any pair that could be judged: if it is "
                    "still being computed, wait for it"
                )
            if scored < pairs:
                warn(
                    f"the map {name!r} has no score at {pairs - scored:,} of the {pairs:,} pairs "
                    f"that are judged ({1 - scored / pairs:.1%}): they count as never found"
                )

    def __repr__(self) -> str:
        count, pairs = self._count("all")
        heading = (
            f"ContactEvaluation of {self.protein.name!r}: {count} contacts among {pairs:,} pairs "
            f"at |i - j| >= {self.min_separation}"
        )
        table = self.table()["all"]
        width = max(len(name) for name in self.maps)
        lines = [
            f"  {name:<{width}}  "
            + ", ".join(f"{measure} {table.loc[name, measure]:.2f}" for measure in MEASURES)
            for name in self.maps
        ]
        return "\n".join([heading, *lines])

    def table(self) -> pd.DataFrame:
        """Return the figures, a row a map.

        Returns
        -------
        DataFrame
            Columns in two levels, the class of separations and the measure: ``P@L``, ``P@L/2``,
            ``P@L/5``, ``AUC`` and ``AP``, all 0 to 1. What the best map of all would reach is
            column ``best_possible`` of `to_pandas`.
        """
        order = pd.MultiIndex.from_product(
            [list(self.separations), list(MEASURES)], names=["separation", "measure"]
        )
        values = self.to_pandas()["value"].to_numpy().reshape(len(self.maps), -1)
        return pd.DataFrame(values, index=pd.Index(self.maps, name="map"), columns=order)

    def to_pandas(self) -> pd.DataFrame:
        """Return the figures, a row for each map, class of separations and measure.

        Returns
        -------
        DataFrame
            ``map``, ``separation``, ``measure`` (see `table`), ``value`` (0 to 1),
            ``best_possible``, what a map with all contacts in front would have, and ``contacts``,
            how many there are in the class.
        """
        rows = []
        for (name, separation), ranking in self._rankings.items():
            values, best = self._figures(ranking), self._figures(ranking.ideal())
            for measure in MEASURES:
                rows.append(
                    (name, separation, measure, values[measure], best[measure], ranking.contacts)
                )
        columns = ["map", "separation", "measure", "value", "best_possible", "contacts"]
        return pd.DataFrame(rows, columns=columns)

    def _figures(self, ranking: Ranking) -> dict[str, float]:
        if not ranking.contacts:
            return dict.fromkeys(MEASURES, float("nan"))
        length = len(self.protein)
        figures = {
            f"P@{cut}": ranking.precision(max(1, length // part)) for cut, part in CUTS.items()
        }
        return {**figures, "AUC": ranking.auc(length), "AP": ranking.average_precision()}

    def by_rank(self, separation: str = "all") -> pd.DataFrame:
        """Return the precisions that AUC is the mean of.

        Parameters
        ----------
        separation : str
            One of ``evaluation.separations``.

        Returns
        -------
        DataFrame
            A row for each map and share: ``map``, ``share`` (0.1 to 1.0, of L), ``pairs`` (rounded
            down, at least one), ``precision`` and ``best_possible`` (0 to 1).

        Raises
        ------
        ValueError
            If there is no such class.
        """
        self._check(separation)
        length = len(self.protein)
        rows = []
        for name in self.maps:
            ranking = self._rankings[name, separation]
            for share in AUC_SHARES:
                count = metrics.share_of(share, length)
                best = ranking.ideal().precision(count)
                rows.append((name, share, count, ranking.precision(count), best))
        return pd.DataFrame(rows, columns=["map", "share", "pairs", "precision", "best_possible"])

    def curve(self, separation: str = "all") -> pd.DataFrame:
        """Return the precision-recall curves.

        Parameters
        ----------
        separation : str
            One of ``evaluation.separations``.

        Returns
        -------
        DataFrame
            A row for each map and step of its scores, the best first: ``map``, ``pairs`` (how many
            have at least that score), ``recall`` and ``precision`` (0 to 1).

        Raises
        ------
        ValueError
            If there is no such class.
        """
        self._check(separation)
        parts = []
        for name in self.maps:
            ranking = self._rankings[name, separation]
            recall, precision = ranking.curve()
            columns = {"pairs": ranking.ends[1:], "recall": recall, "precision": precision}
            parts.append(pd.DataFrame({"map": name, **columns}))
        return pd.concat(parts, ignore_index=True)

    def chart(self, separation: str = "all") -> Any:
        """Draw the precision of the best pairs, and the precision-recall curves.

        Parameters
        ----------
        separation : str
            One of ``evaluation.separations``.

        Returns
        -------
        altair.ConcatChart

        Raises
        ------
        ValueError
            If there is no such class, or it has no contact.
        """
        self._check(separation)
        contacts, pairs = self._count(separation)
        nearest, farthest = self.separations[separation]
        if not contacts:
            raise ValueError(f"no pair of the class {separation!r} is a contact: choose another")
        reach = (
            f"|i - j| >= {nearest}" if farthest is None else f"|i - j| = {nearest} to {farthest}"
        )
        from plmwidgets import charts  # altair takes a while to load

        return charts.contact_curves(
            self.by_rank(separation),
            self.curve(separation),
            contacts / pairs,
            f"Contacts of {self.protein.name}",
            f"{contacts} contacts among {pairs:,} pairs, {reach}",
        )

    def ranks(self, name: str) -> NDArray[np.float64]:
        """Return the place of each pair of "all" in a map, 1 for the best, shape (L, L).

        Symmetric. NaN for a pair that is not ranked, or has no score. Pairs of equal score follow
        each other by i, then j.
        """
        self._check_map(name)
        scores = self.maps[name][self._i, self._j]
        order = np.argsort(-scores, kind="stable")  # NaN last
        order = order[: np.count_nonzero(~np.isnan(scores))]
        placed = np.full((len(self.protein), len(self.protein)), np.nan)
        i, j = self._i[order], self._j[order]
        placed[i, j] = placed[j, i] = np.arange(1, len(order) + 1)
        return placed

    def found_by(
        self,
        name: str,
        *,
        but_not: str | None = None,
        top: str | int = "L",
        contacts_only: bool = True,
    ) -> pd.DataFrame:
        """Return what is among the best pairs of one map and not among those of another.

        Parameters
        ----------
        name : str
            Of the map whose best pairs are taken.
        but_not : str, optional
            Of the map that misses them; by default all of the first map's are returned.
        top : {"L", "L/2", "L/5"} or int
            How many pairs of each map are its best, at least 1; ``|i - j|`` as of "all".
        contacts_only : bool
            Whether pairs that are no contacts, which the first map is wrong about, are left out.

        Returns
        -------
        DataFrame
            By rank: ``position_i``, ``position_j`` (0-based), ``label_i``, ``label_j``, ``rank``,
            ``other_rank`` (in the map that misses them; NaN without one, or without a score),
            ``distance`` (CB to CB in Å, NaN where unknown) and ``contact``.

        Raises
        ------
        ValueError
            If there is no map of that name, or fewer pairs than asked for, or `top` is something
            else.
        """
        count = self._top(top)
        ranks = self.ranks(name)[self._i, self._j]
        other: NDArray[np.float64] = np.full(len(ranks), np.nan)
        if but_not is not None:
            other = self.ranks(but_not)[self._i, self._j]
        chosen = (ranks <= count) & ~(other <= count)
        if flag("contacts_only", contacts_only):
            chosen &= self.truth[self._i, self._j] == 1
        order = np.flatnonzero(chosen)[np.argsort(ranks[chosen])]
        i, j = self._i[order], self._j[order]
        labels = np.array(self.protein.residue_labels, dtype=object)
        placed = self.protein.has_structure
        return pd.DataFrame(
            {
                "position_i": i,
                "position_j": j,
                "label_i": labels[i],
                "label_j": labels[j],
                "rank": ranks[order].astype(np.int64),
                "other_rank": other[order],
                "distance": self.protein.distance_map()[i, j] if placed else np.nan,
                "contact": self.truth[i, j] == 1,
            }
        )

    def _top(self, top: str | int) -> int:
        if isinstance(top, str):
            if top not in CUTS:
                raise ValueError(f"top={top!r}: use one of {', '.join(CUTS)}, or a number of pairs")
            return max(1, len(self.protein) // CUTS[top])
        count = whole_number("top", top)
        if count > len(self._i):
            raise ValueError(
                f"top={top}: there are {len(self._i):,} pairs at |i - j| >= {self.min_separation} "
                "whose truth is known: ask for 1 up to that"
            )
        return count

    def _count(self, separation: str) -> tuple[int, int]:
        """Return the numbers of contacts and of pairs in a class."""
        ranking = next(iter(self._rankings[name, separation] for name in self.maps))
        return ranking.contacts, ranking.pairs

    def _check(self, separation: str) -> None:
        if separation not in self.separations:
            raise ValueError(
                f"there is no class of separations {separation!r}: use one of "
                f"{', '.join(self.separations)}"
            )

    def _check_map(self, name: str) -> None:
        if name not in self.maps:
            raise ValueError(f"there is no map {name!r}: choose from {', '.join(self.maps)}")
