"""What a masked protein language model is to the rest of the package.

A model maps *contexts* (a sequence, the positions hidden in it, substitutions made in it) to
log-probabilities over the twenty amino acids. Everything above this layer sees only that.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from plmwidgets._numbers import as_whole
from plmwidgets._options import choice
from plmwidgets.alphabet import AMINO_ACIDS, PLACEHOLDERS

Result = TypeVar("Result")


class ModelError(RuntimeError):
    """A model could not be loaded, cannot take a sequence, or returned something unusable."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a model is shown: a sequence with some residues substituted and some hidden.

    Build one with `Context.of`, which checks its arguments. Contexts are hashable and serve as
    the key of the prediction cache. Masking wins where a position is both masked and substituted.

    Attributes
    ----------
    sequence : str
        One letter a residue, upper case.
    masked : tuple of int
        Hidden positions, 0-based, ascending, each once.
    substitutions : tuple of (int, str)
        ``(position, amino acid)``, ascending by position.
    """

    sequence: str
    masked: tuple[int, ...] = ()
    substitutions: tuple[tuple[int, str], ...] = ()

    @classmethod
    def of(
        cls,
        sequence: str,
        masked: Iterable[int] = (),
        substitutions: Mapping[int, str] | None = None,
    ) -> "Context":
        """Check and normalise the arguments into a context.

        Raises
        ------
        IndexError
            If a position is no whole number within 0 .. L-1.
        TypeError
            If the positions are no iterable, or the substitutions no mapping.
        ValueError
            If a substitution is not a one-letter amino acid.
        """
        length = len(sequence)
        if not isinstance(masked, Iterable):
            raise TypeError(
                "positions are a list of whole numbers, such as [3, 7], counted from 0, not "
                f"{type(masked).__name__}"
            )
        if substitutions is None:
            substitutions = {}
        elif not isinstance(substitutions, Mapping):
            raise TypeError(
                "substitutions are new amino acids by position, such as {3: 'W'}, counted from 0, "
                f"not {type(substitutions).__name__}"
            )
        hidden = tuple(sorted({_position(i, length) for i in masked}))
        changes = []
        for position, letter in substitutions.items():
            upper = str(letter).upper()
            if len(upper) != 1 or upper not in AMINO_ACIDS + PLACEHOLDERS:
                raise ValueError(
                    f"cannot substitute {letter!r} at position {position}: "
                    f"use one of the letters {AMINO_ACIDS}, or of {PLACEHOLDERS} for unknown or "
                    "rare residues"
                )
            changes.append((_position(position, length), upper))
        return cls(sequence, hidden, tuple(sorted(changes)))

    @property
    def residues(self) -> str:
        """The sequence with the substitutions made (masked positions keep their letter)."""
        if not self.substitutions:
            return self.sequence
        letters = list(self.sequence)
        for position, letter in self.substitutions:
            letters[position] = letter
        return "".join(letters)


def _position(value: object, length: int) -> int:
    position = as_whole(value, 0)
    if position is None or position >= length:
        hint = ""
        if isinstance(value, bool | np.bool_):
            hint = "; of an array of booleans, they are np.flatnonzero(array)"
        elif isinstance(value, str):
            hint = "; labels are written in one text, such as 'A25, 30' to hide or 'A25G' to change"
        raise IndexError(
            f"position {value!r} is out of range: positions are whole numbers from 0 to "
            f"{length - 1} (0-based){hint}"
        )
    return position


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which weights, and in which arithmetic: two models with equal identities are the same.

    Attributes
    ----------
    checkpoint : str
        Hub id, ``"demo"``, or the name of a local folder.
    revision : str
        Commit of a hub checkpoint, or a hash of the weights of a local one.
    dtype : str
        ``"float32"``, ``"bfloat16"``, ``"float16"`` or ``"float64"``.
    device : str
        Where it runs, such as ``"cpu"`` or ``"cuda:0"``.
    by_content : bool
        Whether the revision can only be that of these weights, as a commit or a hash is; results
        of a model that states none are not kept from one session to the next of themselves.
    adapter : str
        Hash of an adapter to these weights; empty for the weights alone.
    """

    checkpoint: str
    revision: str
    dtype: str
    device: str = field(default="cpu")
    by_content: bool = field(default=False, compare=False)
    adapter: str = ""

    @property
    def result_key(self) -> dict[str, str]:
        """What a stored result must share to be continued: the weights and their arithmetic."""
        key = asdict(self)
        del key["device"], key["by_content"]
        if not self.adapter:
            del key["adapter"]
        return key


@runtime_checkable
class MaskedLM(Protocol):
    """A masked protein language model with one token a residue.

    Attributes
    ----------
    name : str
        Short name for people, such as ``"esm2-8m"``.
    identity : ModelIdentity
    capabilities : frozenset of str
        What it offers beyond log-probabilities; stated, never guessed. ``"precision"``: it is a
        `PreciseMaskedLM`; ``"asynchronous"``: one whose device works on while Python does other
        things; ``"pair_pass"``: a `PairPassMaskedLM` as well; ``"streamed"``: its weights do not
        stay on the device; ``"remote"``: others compute for it, and its ``open_service`` makes the
        service that asks them; ``"attentions"``: it is an `AttentiveMaskedLM`; ``"contacts"``: a
        `ContactMaskedLM`; ``"embeddings"``: an `EmbeddingMaskedLM`.
    max_length : int or None
        Longest sequence it takes, in residues; None where there is no limit.
    """

    name: str
    identity: ModelIdentity
    capabilities: frozenset[str]
    max_length: int | None

    def check_sequence(self, sequence: str) -> None:
        """Raise `ModelError`, saying why, if the model cannot take this sequence."""

    def preferred_batch(self, length: int) -> int | None:
        """Return how many contexts of this length should go through it together.

        None where that is to be learnt while it runs: then the last bits of a result may differ
        from one run to the next, if they depend on the shape of a batch.
        """

    def log_probabilities(
        self, contexts: Sequence[Context], positions: NDArray[np.int64] | None = None
    ) -> NDArray[np.floating]:
        """Natural-log probabilities of the twenty amino acids.

        Parameters
        ----------
        contexts : sequence of Context
            n contexts of equal length L; they form one batch.
        positions : ndarray of int64, shape (n, k), optional
            Which positions of each context are wanted; all of them by default.

        Returns
        -------
        ndarray, shape (n, k, 20) or (n, L, 20)
            Columns in the order of `plmwidgets.alphabet.AMINO_ACIDS`, normalised over the twenty.
            The service refuses what is not finite.
        """


class PreciseMaskedLM(MaskedLM, Protocol):
    """A model that can compute in more than one arithmetic.

    Attributes
    ----------
    precisions : tuple of str
        Those of ``PRECISIONS`` that it offers, the default first.
    """

    precisions: tuple[str, ...]

    def log_probabilities(
        self,
        contexts: Sequence[Context],
        positions: NDArray[np.int64] | None = None,
        precision: str | None = None,
    ) -> NDArray[np.floating]:
        """As `MaskedLM.log_probabilities`, in a precision of `precisions` or in ``"double"``."""

    def log_probability_steps(
        self,
        contexts: Sequence[Context],
        positions: NDArray[np.int64] | None = None,
        precision: str | None = None,
    ) -> Generator[float | None, None, NDArray[np.floating]]:
        """Do the same, stopping now and then so that other work may go between.

        Yields the share of the work that is done, or None where it is not known. An
        ``"asynchronous"`` model yields 1 once, when all work is queued on its device, the copy of
        the values to the host included, and waits for them only when it is resumed after that.
        """


class PairPassMaskedLM(PreciseMaskedLM, Protocol):
    """A model with a superposed pair pass (``plmwidgets.models.superposition``)."""

    def pair_pass(
        self,
        sequence: str,
        positions: NDArray[np.int64],
        precision: str | None = None,
        memory: int | None = None,
    ) -> Generator[float, None, NDArray[np.floating]]:
        """Estimate log p(i|{i,j}) of all pairs of n positions, (n, n, 20), in short steps.

        Yields the share of the work that is done. `memory` bounds the states' bytes on the device.
        """

    def pair_pass_cost(self, length: int, n: int) -> float:
        """Work of a pair pass over n of `length` residues, in passes over one context."""

    def pair_pass_bytes(self, length: int, n: int) -> int:
        """Memory for the states of a pair pass over n of `length` residues."""


class AttentiveMaskedLM(MaskedLM, Protocol):
    """A model that tells what its attention heads look at.

    Attributes
    ----------
    attention_shape : tuple of (int, int)
        Number of layers, and of heads in each.
    """

    attention_shape: tuple[int, int]

    def attentions(
        self, contexts: Sequence[Context], layers: Sequence[int] | None = None
    ) -> NDArray[np.float32]:
        """Attention weights among residues.

        Parameters
        ----------
        contexts : sequence of Context
            n contexts of equal length L.
        layers : sequence of int, optional
            Which layers, counted from 0; all by default.

        Returns
        -------
        ndarray of float32, shape (n, layers, heads, L, L)
            ``[..., i, j]`` is what residue i takes from residue j, 0 to 1. What goes to special
            tokens is left out, so that a row adds up to one at most.

        Raises
        ------
        IndexError
            If there is no such layer.
        """

    def attention_steps(
        self, contexts: Sequence[Context], layers: Sequence[int] | None = None
    ) -> Generator[float, None, NDArray[np.float32]]:
        """Do the same, stopping now and then; yields the share of the work that is done."""


class ContactMaskedLM(MaskedLM, Protocol):
    """A model with a contact head that was trained."""

    def contact_probabilities(self, contexts: Sequence[Context]) -> NDArray[np.float32]:
        """Return how probable it is that two residues touch (CB closer than 8 Å).

        Parameters
        ----------
        contexts : sequence of Context
            n contexts of equal length L.

        Returns
        -------
        ndarray of float32, shape (n, L, L)
            Symmetric, 0 to 1. Heads are trained on pairs six or more residues apart; what they
            say of nearer ones means little.
        """

    def contact_probability_steps(
        self, contexts: Sequence[Context]
    ) -> Generator[float, None, NDArray[np.float32]]:
        """Do the same, stopping now and then; yields the share of the work that is done."""


class EmbeddingMaskedLM(MaskedLM, Protocol):
    """A model that gives the hidden states of residues.

    Attributes
    ----------
    embedding_shape : tuple of (int, int)
        Number of layers N, and width d of the hidden states.
    """

    embedding_shape: tuple[int, int]

    def embeddings(
        self,
        contexts: Sequence[Context],
        layers: Sequence[int] | None = None,
        precision: str | None = None,
    ) -> NDArray[np.float32]:
        """Hidden states of residues.

        Parameters
        ----------
        contexts : sequence of Context
            n contexts of equal length L.
        layers : sequence of int, optional
            After how many layers, 0 to N, as transformers counts its ``hidden_states``: 0 is what
            the first layer is given, N what the masked-LM head is given, after the final norm of
            models that have one. N alone by default.
        precision : str, optional
            As `PreciseMaskedLM.log_probabilities`.

        Returns
        -------
        ndarray of float32, shape (n, layers, L, d)
            Without those of special tokens.

        Raises
        ------
        IndexError
            If there is no such layer.
        """

    def embedding_steps(
        self,
        contexts: Sequence[Context],
        layers: Sequence[int] | None = None,
        precision: str | None = None,
    ) -> Generator[float, None, NDArray[np.float32]]:
        """Do the same, stopping now and then; yields the share of the work that is done."""


def run_to_end(steps: Generator[Any, None, Result]) -> Result:
    """Take all steps of a computation at once, and return what it comes to."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Result = end.value
            return found


PRECISIONS: Final = ("reference", "final", "preview")
"""``reference``: float32. ``final``: products in float16, all between them in float32; on a GPU.
``preview``: bfloat16. In all of them the head, which gives the scores, is in float32."""


def default_precision(model: MaskedLM) -> str:
    """Return the precision that a model computes in unless asked for another."""
    offered: tuple[str, ...] = getattr(model, "precisions", ("reference",))
    return offered[0]


def chosen_precision(model: MaskedLM, precision: str | None) -> str:
    """Return the precision that a model computes in when asked for one; None asks for its default.

    Where ``"final"`` has no advantage, as on a CPU, it is ``"reference"``.

    Raises
    ------
    ValueError
        If there is no such precision, or this model does not offer it.
    """
    if precision is None:
        return default_precision(model)
    precision = choice("precision", precision, PRECISIONS)
    offered: tuple[str, ...] = getattr(model, "precisions", ("reference",))
    if precision == "final" and "final" not in offered and "reference" in offered:
        return "reference"
    if precision not in offered:
        raise ValueError(
            f"{model.name} as loaded ({model.identity.dtype}, {model.identity.device}) does not "
            f"compute in precision {precision!r}, only in {', '.join(map(repr, offered))}: load it "
            "in float32 for the others, if it is of ESM's or ESM C's kind."
        )
    return precision
