"""Contact maps of contexts: from a model's contact head, or from its fast Jacobian."""

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plmwidgets._options import choice
from plmwidgets.methods.contacts.attention import check_numbers
from plmwidgets.methods.contacts.attentive_models import attention_precision, contact_model
from plmwidgets.methods.jacobian.fast import (
    fast_jacobian_contexts,
    fast_jacobian_map,
    whole_positions,
)
from plmwidgets.models.masked_lm import Context, MaskedLM, ModelError, default_precision
from plmwidgets.scan.start import provenance_of
from plmwidgets.service import Priority, service_for

USING: Final = ("contact-head", "jacobian")
HEADS_AT_ONCE: Final = 8
"""Contexts for the contact head in a request, which comes in short steps."""

Maps = NDArray[np.floating[Any]]


class MapMaker:
    """Asks a model's service for contact maps.

    Parameters
    ----------
    model : MaskedLM
    using : str
        One of `USING`.

    Attributes
    ----------
    at_once : int
        How many contexts to put into a request.
    lanes : int
        How many requests are worked on at a time.
    provenance : dict
        What the maps come from.

    Raises
    ------
    ModelError
        If the model has no contact head and is asked for it.
    ValueError
        If `using` is neither.
    """

    def __init__(self, model: MaskedLM, using: str) -> None:
        using = choice("map", using, USING)
        if using == "contact-head":
            try:
                contact_model(model)
            except ModelError as error:
                raise ModelError(f"{error} Recoveries take using='jacobian' as well.") from None
        head = using == "contact-head"
        precision = attention_precision(model) if head else default_precision(model)
        self.provenance = {**provenance_of(model, precision), "using": using}
        self.using = using
        self.at_once = HEADS_AT_ONCE if head else 1
        self._model = model
        self._service = service_for(model)
        self.lanes = self._service.lanes

    def passes(self, context: Context) -> int:
        """Return how many passes of the model the map of a context takes."""
        visible = len(context.sequence) - len(context.masked)
        return 1 if self.using == "contact-head" else visible + 1

    def ask(
        self, contexts: Sequence[Context], priority: Priority = Priority.BACKGROUND
    ) -> "Future[Maps]":
        """Ask for the maps of up to `at_once` contexts; `read` takes them from the answer."""
        if self.using == "contact-head":
            steps = contact_model(self._model).contact_probability_steps(contexts)
            return self._service.submit_steps(steps, priority=priority)
        (context,) = contexts
        asked = fast_jacobian_contexts(context)
        return self._service.submit(asked, whole_positions(asked), priority=priority)

    def read(self, contexts: Sequence[Context], answer: Maps) -> Maps:
        """Return the maps, (n, L, L), none of their values below 0."""
        if self.using == "contact-head":
            check_numbers(self._model, answer)
            return answer
        (context,) = contexts
        return np.maximum(fast_jacobian_map(context, answer), 0.0)[None]
