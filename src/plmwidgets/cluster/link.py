"""How a notebook reaches workers that are elsewhere."""

from concurrent.futures import Future
from typing import Any, Protocol

from plmwidgets.cluster.work import Description, Work
from plmwidgets.pending import Array
from plmwidgets.service import Priority


class Answer(Future[Array]):
    """The answer to a work; cancelling it withdraws the work.

    Attributes
    ----------
    share : float
        How much of a pair pass is done.
    """

    share = 0.0


class Link(Protocol):
    """What a `RemoteMaskedLM` and a `RemoteService` need.

    Attributes
    ----------
    description : Description
        Of the model at the other end.
    lanes : int
        How many workers there are.
    ahead : int
        How many requests of others come first, as far as it is known; 0 when nothing waits.
    """

    description: Description
    lanes: int
    ahead: int

    def ask(self, work: Work, priority: Priority) -> Answer:
        """Send a work; returns at once."""

    def ask_model(self, method: str, *arguments: Any) -> Any:
        """Call a method of the model that computes nothing, and wait."""

    def close(self) -> None:
        """Withdraw all that is asked."""
