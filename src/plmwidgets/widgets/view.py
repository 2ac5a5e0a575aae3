"""What every view is: a small bundle, the protein, the shared selection, an error it can draw."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets as t
from numpy.typing import NDArray

from plmwidgets.protein import Protein, as_protein
from plmwidgets.widgets.selection import ECHO_SECONDS, Selection
from plmwidgets.widgets.throttle import Throttle

# Messages of the page that ask for nothing: one makes the answer to a click come sooner, the other
# asks whether anyone is there.
NUDGE, HELLO = "nudge", "hello"
LONGEST_MESSAGE = 500
STATIC = Path(__file__).parent.parent / "static"


def bundle(name: str) -> str:
    """Return a view's JavaScript bundle.

    Its text and not its path: of a class with a path anywidget keeps every instance for ever.

    Raises
    ------
    FileNotFoundError
        If the package was installed without building it.
    """
    path = STATIC / f"{name}.js"
    if not path.is_file():
        raise FileNotFoundError(
            f"the browser part of plmwidgets is missing ({path}): install the package with "
            "'pip install .' (or 'pip install -e .'), which builds it"
        )
    return path.read_text(encoding="utf-8")


@cache
def bundle_names() -> dict[str, str]:
    """Return the names of the bundles by what they hold, which is what a view knows of its own."""
    return {bundle(path.stem): path.stem for path in STATIC.glob("*.js")}


def envelope(values: NDArray[Any] | None) -> dict[str, Any] | None:
    """Return an array as the views read it: bytes with dtype and shape, float32 or uint8."""
    if values is None:
        return None
    kind = np.uint8 if values.dtype in (np.bool_, np.uint8) else np.float32
    packed = np.ascontiguousarray(values, dtype=kind)
    return {"dtype": packed.dtype.name, "shape": list(packed.shape), "data": packed.tobytes()}


def in_words(error: Exception) -> str:
    """Return what an error says, no longer than a view has room for."""
    words = str(error) or type(error).__name__
    return words if len(words) <= LONGEST_MESSAGE else f"{words[:LONGEST_MESSAGE]} ..."


def _protein_info(protein: Protein, _: Any) -> dict[str, Any]:
    return {
        "name": protein.name,
        "sequence": protein.sequence,
        "labels": list(protein.residue_labels),
    }


class View(anywidget.AnyWidget):
    """Base of the views; each has its JavaScript bundle as the default of `_bundle`.

    Attributes
    ----------
    protein : Protein
    selection : Selection
        Shared with other views, or the view's own.
    error : str
        Drawn in the view when not empty.
    presenter : bool
        Larger type, for a lecture or a shared screen.
    """

    # A page keeps the `_esm` of every widget that it ever saw: it only loads the bundle, once.
    _esm = bundle("loader")
    _bundle = t.Unicode(read_only=True).tag(sync=True)
    protein = t.Instance(Protein, read_only=True).tag(sync=True, to_json=_protein_info)
    selection_id = t.Unicode(read_only=True).tag(sync=True)
    # Tagged `page`: what the page may change. A message about any other trait is not heeded.
    selection_state = t.Dict().tag(sync=True, page=True)
    hover = t.List(t.Int()).tag(sync=True, page=True)
    error = t.Unicode().tag(sync=True)
    presenter = t.Bool(False).tag(sync=True, page=True)
    # Grows soon after the page was heard: it sees by this that its kernel is alive.
    answered = t.Int(0, read_only=True).tag(sync=True)
    # A trait, as a view that could not be made is closed as well.
    _at_close: t.List[Any] = t.List()

    def __init__(
        self,
        protein: Protein | str,
        selection: Selection | None = None,
        *,
        presenter: bool = False,
    ) -> None:
        protein = as_protein(protein)
        self.selection = Selection(protein) if selection is None else selection
        if not isinstance(self.selection, Selection):
            raise TypeError(
                "selection= takes a Selection, such as another view's .selection, not "
                f"{type(selection).__name__}"
            )
        if self.selection.protein.sequence != protein.sequence:
            raise ValueError("the selection belongs to another protein: make one for this protein")
        self._page_error = ""
        self._syncing, self._sending, self._holders = threading.RLock(), threading.RLock(), 0
        # After the answer to a click, which is what a person waits for.
        self._answer = Throttle(self._count_answer, delay=ECHO_SECONDS)
        self.set_trait("protein", protein)
        self.set_trait("selection_id", self.selection.id)
        super().__init__(
            selection_state=self.selection.to_state(),
            hover=list(self.selection.hover),
            presenter=presenter,
        )
        self.follow(self.selection, "echo", self._show_selection)
        self.follow(self.selection, "hover", self._show_hover)
        self.on_msg(self._receive)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.protein.name}, {len(self.protein)} residues)"

    def follow(self, shared: t.HasTraits, name: str, react: Callable[[], None]) -> None:
        """Call `react` on every change of a trait of a shared object, until the view is closed."""

        def changed(_: Any) -> None:
            react()

        shared.observe(changed, name)
        self._at_close.append(lambda: shared.unobserve(changed, name))

    def close(self) -> None:
        """Take the view off the page; what it shares with others goes on without it."""
        while self._at_close:
            self._at_close.pop()()
        super().close()

    def _show_selection(self) -> None:
        self.selection_state = self.selection.to_state()

    def _show_hover(self) -> None:
        self.hover = list(self.selection.hover)

    def _select(self, state: Any) -> None:
        """Take a gesture of the page; its answer goes ahead of the trait that says so."""
        self._check_selection(state)
        self._merge_selection(state)

    @t.observe("selection_state")
    def _take_selection(self, change: Any) -> None:
        self._merge_selection(change["new"])

    def _merge_selection(self, state: Any) -> None:
        if state == self.selection.to_state():
            return
        with self.guarded():
            self.selection.merge_state(state)
        if state != self.selection.to_state():
            self._show_selection()  # what holds: the page was late or only nearly right

    @t.observe("hover")
    def _take_hover(self, change: Any) -> None:
        with self.guarded():
            self.selection.hover = tuple(change["new"])
        self._show_hover()

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take what the page changed, and let it know; ipywidgets calls it.

        What the page may not change is left out. Of a malformed message nothing is taken but what
        stands in the view: why, and the state that holds.
        """
        pointing = set(sync_data) == {"hover"}
        if not pointing:
            self._forget_page_error()
        allowed = set(self.trait_names(page=True))
        changed = {name: value for name, value in sync_data.items() if name in allowed}
        try:
            if "selection_state" in changed:
                self._check_selection(changed["selection_state"])
            super().set_state(changed)
        except Exception as error:
            self._tell(error)
            self.send_state(list(changed))
        if not pointing:
            self._answer()

    # What is sent, by several threads: the page's, a model's, and timers'

    @contextmanager
    def hold_sync(self) -> Iterator[None]:
        """Send what changes meanwhile as one message, when the last thread that holds leaves.

        ipywidgets sends and then clears what is to be sent: what another thread has changed in
        between would never reach the page.
        """
        with self._syncing:
            self._holders += 1
            self._holding_sync = True
        try:
            yield
        finally:
            names: set[str] = set()
            with self._syncing:
                self._holders -= 1
                if self._holders == 0:
                    self._holding_sync = False
                    names = set(self._states_to_send)
                    self._states_to_send.clear()
            if names:
                self.send_state(names)

    def _should_send_property(self, key: str, value: Any) -> bool:
        with self._syncing:
            return bool(super()._should_send_property(key, value))

    def send_state(self, key: Any = None) -> None:
        """Send traits as they are now; of two threads, the one that reads last sends last."""
        with self._sending:
            super().send_state(key)

    def _check_selection(self, state: Any) -> None:
        # First of all, as ipywidgets hands what comes from one page to all others.
        try:
            self.selection.check_state(state)
        except Exception:
            self.selection.outrun(state.get("clock") if isinstance(state, dict) else 0)
            raise

    def _count_answer(self) -> None:
        self.set_trait("answered", self.answered + 1)

    def _receive(self, _: Any, content: Any, __: Any) -> None:
        kind = content.get("type") if isinstance(content, dict) else None
        if kind not in (HELLO, NUDGE):
            self._forget_page_error()
            with self.guarded():
                if kind == "select":
                    self._select(content.get("state"))
                elif kind == "undo":
                    self.selection.undo()
                elif kind == "redo":
                    self.selection.redo()
                else:
                    self.handle(str(kind), content)
        if kind != NUDGE:
            self._answer()

    def handle(self, kind: str, content: Any) -> None:
        """Act on a message of the page, of which only the kind is known; views extend it.

        Raises
        ------
        ValueError
            If it makes no sense; what else goes wrong is told in the view as well.
        """
        raise ValueError(f"the page sent a message that is not understood: {kind!r}")

    def _tell(self, error: Exception) -> None:
        self.error = self._page_error = in_words(error)

    def _forget_page_error(self) -> None:
        if self.error and self.error == self._page_error:
            self.error = ""

    def guarded(self) -> "_Guard":
        """Run a reaction to the page: what goes wrong is drawn in the view, in its own words."""
        return _Guard(self)


class _Guard:
    # An exception in an observer or a message handler shows nowhere in a notebook.
    def __init__(self, view: View) -> None:
        self._view = view

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        if isinstance(error, Exception):
            self._view._tell(error)
        return error is None or isinstance(error, Exception)
