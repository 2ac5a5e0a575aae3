"""The contacts that one map finds and another one misses, to click through."""

from typing import Any, Final

import pandas as pd
import traitlets as t

from plmwidgets._options import result_of
from plmwidgets.methods.contacts.evaluation import CUTS, ContactEvaluation
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.view import View, bundle

COLUMNS: Final = ["position_i", "position_j", "rank", "other_rank", "distance", "contact"]
"""Of `ContactEvaluation.found_by`, as the page reads them."""


class PairTable(View):
    """A row for each pair among the best of one map and not among those of another.

    A click on a row masks both residues and selects the pair, as a click in a pair map does.

    Parameters
    ----------
    evaluation : ContactEvaluation
    selection : Selection, optional
        Shared with other views; its own by default.
    presenter : bool
        Larger type.

    Attributes
    ----------
    found_by, but_not : str
        Names of maps; `but_not` may be empty: then all of the first map's are listed. To begin
        with, the first two.
    top : {"L", "L/2", "L/5"}
        How many pairs of each map are its best.
    contacts_only : bool
        Whether pairs that are no contacts are left out.

    Raises
    ------
    TypeError
        If it is no evaluation.
    """

    _bundle = t.Unicode(bundle("pair_table"), read_only=True).tag(sync=True)
    maps = t.List(t.Unicode(), read_only=True).tag(sync=True)
    tops = t.List(list(CUTS), read_only=True).tag(sync=True)
    found_by = t.Unicode().tag(sync=True, page=True)
    but_not = t.Unicode().tag(sync=True, page=True)
    top = t.Enum(list(CUTS), "L").tag(sync=True, page=True)
    contacts_only = t.Bool(True).tag(sync=True, page=True)
    rows: t.List[Any] = t.List(read_only=True).tag(sync=True)

    def __init__(
        self,
        evaluation: ContactEvaluation,
        *,
        selection: Selection | None = None,
        presenter: bool = False,
    ) -> None:
        self.evaluation = result_of(
            "evaluate_contacts(protein, maps)", evaluation, ContactEvaluation, "PairTable"
        )
        super().__init__(evaluation.protein, selection, presenter=presenter)
        names = list(evaluation.maps)
        self.set_trait("maps", names)
        self.found_by = names[0]
        self.but_not = names[1] if len(names) > 1 else ""

    def to_pandas(self) -> pd.DataFrame:
        """Return what is listed, as `ContactEvaluation.found_by`."""
        return self.evaluation.found_by(
            self.found_by,
            but_not=self.but_not or None,
            top=self.top,
            contacts_only=self.contacts_only,
        )

    @t.validate("found_by", "but_not")
    def _validate_map(self, proposal: Any) -> str:
        name = str(proposal["value"])
        none = proposal["trait"].name == "but_not" and name == ""
        if name not in self.evaluation.maps and not none:
            raise t.TraitError(f"no map {name!r}: choose from {', '.join(self.evaluation.maps)}")
        return name

    @t.observe("found_by", "but_not", "top", "contacts_only")
    def _choice_changed(self, _: Any) -> None:
        with self.guarded():
            table = self.to_pandas()
            # None, as JSON has no NaN.
            cells = table.astype(object).where(table.notna(), None)
            self.set_trait("rows", cells[COLUMNS].to_numpy().tolist())
