"""Link a person's own nglview widget to a selection: marks in it, and picks that mask."""

import base64
import re
import tempfile
import warnings
from pathlib import Path
from typing import Any

from plmwidgets.protein import Protein
from plmwidgets.structure import Structure
from plmwidgets.structure.files import STRUCTURE_SUFFIXES
from plmwidgets.structure.numbering import ResidueNumber
from plmwidgets.widgets.nglview_export import contact_colour, working_nglview
from plmwidgets.widgets.selection import Selection

MASK_COLOUR = "#d9480f"  # as in the views
# The marks are removed by their names, which must be none that other drawings have (by default that
# of their type). But a second display takes the names for types, and there case does not count.
MASKS, PAIR = "SpaceFill", "Distance"
_LOADING = ("loadFile", "addShape")
# NGL's name of an atom: [ALA]12^B:A.CA, with the insertion code and the chain where there are any.
_ATOM_NAME = re.compile(r"\[\w*\](-?\d+)(?:\^(\w+))?(?::([^./%]*))?")


def link_nglview(
    view: Any, selection: Selection, *, component: int = 0, chain: str | None = None
) -> "NGLViewLink":
    """Show a selection in an nglview widget, and let picks in it toggle masks.

    The side chains of masked residues are drawn as orange balls beside what the widget draws
    already, the selected pair as a line from CA to CA with its length, blue for a contact
    (CB < 8 Å), orange for none.

    Parameters
    ----------
    view : nglview.NGLWidget
        Showing the protein, whatever its residues are numbered like: what the widget was given is
        placed on the sequence by alignment. Where the widget fetched it itself (from a URL or a PDB
        id), or was given another format than PDB or mmCIF, its chain and residue numbers must be
        those of the protein's structure.
    selection : Selection
        Such as ``explorer.selection``.
    component : int
        Which of the widget's structures, counted from 0.
    chain : str, optional
        Which chain of it; by default the one that fits the protein best.

    Returns
    -------
    NGLViewLink
        Its ``unlink()`` ends it.

    Raises
    ------
    RuntimeError
        If the installed nglview draws nothing.
    TypeError, IndexError
        If `view` is no nglview widget, or has no such structure.
    ValueError
        If the widget shows another protein.

    Examples
    --------
    >>> import plmwidgets as plm
    >>> explorer = plm.Explorer(plm.Protein.demo(), "demo")
    >>> view = plm.to_nglview(explorer.protein)
    >>> link = plm.link_nglview(view, explorer.selection)
    >>> link.unlink()
    """
    nglview = working_nglview()
    if not isinstance(view, nglview.NGLWidget):
        raise TypeError(f"view must be an nglview widget, not {type(view).__name__}")
    names = _names(view, selection.protein, component, chain)
    return NGLViewLink(view, selection, component, names)


class NGLViewLink:
    """What `link_nglview` returns.

    Attributes
    ----------
    view : nglview.NGLWidget
    selection : Selection
    """

    def __init__(self, view: Any, selection: Selection, component: int, names: list[str]) -> None:
        self.view = view
        self.selection = selection
        self._component = component
        self._names = names
        self._positions = {name: i for i, name in enumerate(names) if name}
        self._contacts = selection.protein.contact_map() if selection.protein.structure else None
        self._linked = True
        self._masked: frozenset[int] = frozenset()
        self._pair: tuple[int, int] | None = None
        selection.observe(self._selection_changed, "clock")
        view.observe(self._picked, "picked")
        self._draw(selection.masked, selection.pair)

    def unlink(self) -> None:
        """Take the marks away and follow neither side any longer; both go on without it."""
        if not self._linked:
            return
        self._linked = False
        self.selection.unobserve(self._selection_changed, "clock")
        self.view.unobserve(self._picked, "picked")
        self._draw(frozenset(), None)

    def _selection_changed(self, _: Any) -> None:
        self._draw(self.selection.masked, self.selection.pair)

    def _draw(self, masked: frozenset[int], pair: tuple[int, int] | None) -> None:
        if masked != self._masked:
            self._masked = masked
            shown = " or ".join(self._names[i] for i in sorted(masked) if self._names[i])
            self._mark(
                MASKS,
                "spacefill" if shown else None,
                sele=f"({shown}) and sidechainAttached",
                color=MASK_COLOUR,
                radiusScale=0.7,
            )
        if pair != self._pair:
            self._pair = pair
            ends = [self._names[k] for k in pair or () if self._names[k]]
            contact = None if pair is None or self._contacts is None else self._contacts[pair]
            shade = "#{:02x}{:02x}{:02x}".format(*(round(255 * c) for c in contact_colour(contact)))
            atoms = [[f"{end} and .CA" for end in ends]]
            self._mark(
                PAIR,
                "distance" if len(ends) == 2 else None,
                atomPair=atoms,
                color=shade,
                labelColor=shade,
                labelSize=4,
                labelUnit="angstrom",
                labelZOffset=20,  # in front of the cartoon
            )

    def _mark(self, name: str, kind: str | None, **parameters: Any) -> None:
        # Two messages of some 200 bytes. nglview's own add_representation keeps the message in a
        # synced trait that holds the structure's text as well, and so sends that again with every
        # click (0.45 MB for 350 residues); fire_once keeps it out.
        self._call("removeRepresentationsByName", "Widget", [name, self._component], {})
        if kind is not None:
            parameters |= {"name": name, "component_index": self._component}
            self._call("addRepresentation", "compList", [kind], parameters)

    def _call(self, method: str, target: str, args: list[Any], kwargs: dict[str, Any]) -> None:
        self.view._remote_call(method, target=target, args=args, kwargs=kwargs, fire_once=True)

    def _picked(self, change: Any) -> None:
        picked = change["new"]
        # Between two picks the widget clears the trait, so that the same one counts twice.
        if not picked or picked.get("component", self._component) != self._component:
            return
        found = _ATOM_NAME.match(str(picked.get("atom1", {}).get("name", "")))
        position = found and self._positions.get(
            _name((int(found[1]), found[2] or ""), found[3] or "")
        )
        if position is None:
            return  # a ligand, water, or another chain
        with self.selection.group():
            self.selection.masked ^= {position}
            self.selection.focus, self.selection.pair = position, None


def _name(number: ResidueNumber, chain: str) -> str:
    """Return a residue in NGL's selection language."""
    resno, code = number
    return f"{resno}{'^' + code if code else ''}{':' + chain.strip() if chain.strip() else ''}"


def _names(view: Any, protein: Protein, component: int, chain: str | None) -> list[str]:
    """Return NGL's name of each residue, empty where it has no coordinates."""
    loaded = [m for m in view._ngl_msg_archive if m["methodName"] in _LOADING]
    if not 0 <= component < len(loaded):
        raise IndexError(
            f"the widget holds {len(loaded)} components, counted from 0: there is no {component}"
        )
    structure = _given(loaded[component], protein, chain)
    if structure is None:
        structure = protein.structure
    if structure is None:
        raise ValueError(
            f"{protein.name} has no structure, so its residues cannot be found in a widget that "
            "fetched its own: open a file, as with nglview.show_file"
        )
    chain = structure.chain if chain is None else chain
    return [
        _name(number, chain) if resolved else ""
        for number, resolved in zip(structure.numbers, structure.resolved, strict=True)
    ]


def _given(message: dict[str, Any], protein: Protein, chain: str | None) -> Structure | None:
    """Return what the widget was given, on the protein's sequence; None if it fetched it."""
    source, kind = message["args"][0], "." + str(message["kwargs"].get("ext", "")).lstrip(".")
    if source["type"] != "blob" or kind not in STRUCTURE_SUFFIXES:
        return None
    content = source["data"]
    raw = base64.b64decode(content) if source["binary"] else content.encode()
    with tempfile.TemporaryDirectory(prefix="plmwidgets-") as folder:
        file = Path(folder) / f"nglview{kind}"
        file.write_bytes(raw)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # told when the protein was read
                return Structure.from_file(file, chain=chain, sequence=protein.sequence)
        except ValueError as error:
            raise ValueError(
                f"the nglview widget does not show {protein.name}: {error}. Link the selection of "
                "the protein that it shows, or name the structure with component= and chain="
            ) from None
