"""A Potts model with exact conditionals: a masked language model whose truth is known.

The joint distribution of a sequence x of length L is ``p(x) ~ exp(sum_i h_i(x_i) + sum_(i,j)
J_ij(x_i, x_j))`` with fields h at every position and couplings J on the edges of a contact graph.
Hiding residues and asking for their distribution is then a sum that can be done exactly, so the
model serves as an oracle for everything that is computed with a language model.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file
from safetensors.numpy import save as tensor_bytes

from plmwidgets._files import fresh_file
from plmwidgets.alphabet import AMINO_ACIDS, INDEX
from plmwidgets.models.masked_lm import Context, ModelError, ModelIdentity

STATES = len(AMINO_ACIDS)
TABLE_LIMIT = STATES**5
"""Tables of the elimination stay below this many entries."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def log_normalise(scores: Floats) -> Floats:
    """Log-probabilities of unnormalised log-scores along the last axis."""
    return scores - _logsumexp(scores, -1)[..., None]


def _logsumexp(scores: Floats, axis: int) -> Floats:
    top = scores.max(axis=axis, keepdims=True)
    total: Floats = np.log(np.exp(scores - top).sum(axis=axis)) + top.squeeze(axis)
    return total


class PottsModel:
    """Potts model over sequences of one length, in float64.

    For a hidden set M the distribution at i is ``p(x_i | all residues outside M and i)``: the
    other hidden residues are summed out. At an unmasked position that means the residue's
    distribution given everything else that is visible, and not, as in a language model, a
    prediction that may copy the residue; a joint distribution has no other useful answer there.

    Parameters
    ----------
    fields : ndarray, shape (L, 20)
        h, natural-log units, columns in the order of `plmwidgets.alphabet.AMINO_ACIDS`.
    edges : ndarray of int, shape (E, 2)
        Coupled positions i < j, 0-based, each pair once.
    couplings : ndarray, shape (E, 20, 20)
        J[e, a, b] for residue a at ``edges[e, 0]`` and b at ``edges[e, 1]``.
    name : str
        Name for people; also the checkpoint of `identity`.

    Raises
    ------
    ModelError
        If the arrays do not fit together.
    """

    def __init__(self, fields: Floats, edges: Ints, couplings: Floats, name: str = "potts") -> None:
        self.fields = np.ascontiguousarray(fields, dtype=np.float64)
        self.edges = np.ascontiguousarray(edges, dtype=np.int64).reshape(-1, 2)
        self.couplings = np.ascontiguousarray(couplings, dtype=np.float64)
        self._check_parameters()
        parameters = (self.fields, self.edges, self.couplings)
        digest = hashlib.sha256(b"".join(array.tobytes() for array in parameters)).hexdigest()
        self.name = name
        self.identity = ModelIdentity(name, digest[:16], "float64", by_content=True)
        self.capabilities: frozenset[str] = frozenset()
        self.max_length: int | None = len(self.fields)
        self._build_neighbours()

    @classmethod
    def load(cls, path: str | Path, name: str | None = None) -> "PottsModel":
        """Read a model written by `save`.

        Parameters
        ----------
        path : str or Path
            A safetensors file with ``fields``, ``contacts`` and ``couplings``.
        name : str, optional
            Name for people; the file's stem by default.

        Raises
        ------
        ModelError
            If the file is missing or is not such a file.
        """
        path = Path(path)
        try:
            arrays = load_file(path)
            return cls(arrays["fields"], arrays["contacts"], arrays["couplings"], name or path.stem)
        except (OSError, SafetensorError) as error:
            raise ModelError(
                f"cannot read the Potts model {path}: {error}. Give the path of a file that "
                "PottsModel.save wrote."
            ) from error
        except KeyError as error:
            raise ModelError(
                f"{path} is not a Potts model: it has no array named {error}. Give the path of a "
                "file that PottsModel.save wrote."
            ) from error

    def save(self, path: str | os.PathLike[str], replace: bool = False) -> None:
        """Write the parameters as safetensors, the edges under the name ``contacts``.

        Parameters
        ----------
        path : path
        replace : bool
            Overwrite a file of that name.

        Raises
        ------
        FileExistsError
            If there is such a file, unless it is to be replaced.
        OSError
            If it cannot be written there.
        """
        arrays = {"fields": self.fields, "contacts": self.edges, "couplings": self.couplings}
        with fresh_file(Path(path).expanduser(), replace) as fresh:
            fresh.write_bytes(tensor_bytes(arrays))

    def check_sequence(self, sequence: str) -> None:
        """Raise `ModelError`, saying why, if the model cannot take this sequence."""
        length = len(self.fields)
        if len(sequence) != length:
            raise ModelError(
                f"{self.name} takes sequences of exactly {length} residues, and this one has "
                f"{len(sequence)}: give it a sequence of the family it describes."
            )
        for i, letter in enumerate(sequence):
            if letter not in INDEX:
                raise ModelError(
                    f"{self.name} knows the twenty amino acids only, and residue {i} (0-based) is "
                    f"{letter!r}: replace it by one of {AMINO_ACIDS}."
                )

    def preferred_batch(self, length: int) -> None:
        """See `MaskedLM.preferred_batch`."""

    def log_probabilities(
        self, contexts: Sequence[Context], positions: Ints | None = None
    ) -> Floats:
        """Exact natural-log probabilities of the twenty amino acids.

        Parameters
        ----------
        contexts : sequence of Context
            n contexts of the family's length L.
        positions : ndarray of int64, shape (n, k), optional
            Which positions of each context are wanted; all of them by default.

        Returns
        -------
        ndarray of float64, shape (n, k, 20) or (n, L, 20)
            log p(x_i | all residues outside M and i); see the class for unmasked positions.

        Raises
        ------
        ModelError
            If a sequence does not fit the family, or if so many coupled residues are hidden
            together that summing them out needs a table of 20^5 entries or more.
        """
        length = len(self.fields)
        columns = np.stack([self._encode(context) for context in contexts])
        hidden = np.zeros((len(contexts), length), dtype=bool)
        for row, context in enumerate(contexts):
            hidden[row, list(context.masked)] = True
        if positions is None:
            positions = np.broadcast_to(np.arange(length), (len(contexts), length))
        visible = self._local_fields(columns, hidden)
        rows = np.arange(len(contexts))[:, None]
        result = log_normalise(visible[rows, positions])

        partners, slots = self._neighbours[positions], self._slots[positions]
        coupled = hidden[rows[..., None], partners] & (slots < self._no_slot)
        for row, k in zip(*np.nonzero(coupled.any(axis=-1)), strict=True):
            target = int(positions[row, k])
            component = self._component(target, hidden[row])
            local = visible[row]
            if not hidden[row, target]:
                local = self._without(target, component, local, columns[row, target])
            result[row, k] = log_normalise(self._eliminate(target, component, local))
        return result

    def singles(self, sequence: str) -> Floats:
        """Return log p(i | {i}) at every position from the closed form, (L, 20).

        ``p(a | {i}) ~ exp(h_i(a) + sum_k J_ik(a, x_k))``, written apart from
        `log_probabilities` so that each can test the other.
        """
        return log_normalise(self._closed_local(sequence)[1])

    def pairs(self, sequence: str) -> Floats:
        """Return log p(i | {i, j}) of every ordered pair from the closed form, (L, L, 20).

        The margin of the 20 x 20 softmax of both local fields without the pair's own visible
        terms, plus J_ij. NaN on the diagonal.
        """
        x, local = self._closed_local(sequence)
        dense = self._dense_couplings()
        length = len(x)
        every = np.arange(length)
        # without[i, j, a]: what is said about i when j is hidden too.
        without = local[:, None, :] - dense[every[:, None], every[None, :], :, x[None, :]]
        joint = without[:, :, :, None] + without.swapaxes(0, 1)[:, :, None, :] + dense
        result = log_normalise(_logsumexp(joint, -1))
        result[every, every] = np.nan
        return result

    def log_weights(self, sequences: Iterable[str]) -> Floats:
        """Return log p of whole sequences, less the constant log Z.

        ``sum_i h_i(x_i) + sum_(i,j) J_ij(x_i, x_j)``. The difference of two is that of their
        log-probabilities; between sequences that agree outside a set M, it is also that of
        log p(x_M | x outside M), so that completions of the same hidden residues compare exactly.

        Parameters
        ----------
        sequences : iterable of str
            n sequences of the family's length.

        Returns
        -------
        ndarray of float64, shape (n,)
            Nats.

        Raises
        ------
        ModelError
            If a sequence does not fit the family.
        TypeError
            If it is no list of sequences.
        """
        given = list(sequences) if isinstance(sequences, Iterable) else [sequences]
        if isinstance(sequences, str) or not all(isinstance(one, str) for one in given):
            raise TypeError(
                "log_weights takes a list of sequences, such as [protein.sequence], not "
                f"{sequences!r}"[:200]
            )
        encoded = [self._encode(Context(sequence)) for sequence in given]
        x = np.array(encoded, dtype=np.int64).reshape(-1, len(self.fields))
        i, j = self.edges.T
        paired = self.couplings[np.arange(len(self.edges)), x[:, i], x[:, j]]
        alone = self.fields[np.arange(len(self.fields)), x]
        weights: Floats = alone.sum(axis=1) + paired.sum(axis=1)
        return weights

    def sample(self, n: int, seed: int, sweeps: int = 100, start: Ints | None = None) -> Ints:
        """Gibbs samples from the joint distribution.

        Parameters
        ----------
        n : int
            Chains, run side by side.
        seed : int
            Of the random numbers.
        sweeps : int
            Updates of every position, in a new random order each time.
        start : ndarray of int, shape (n, L), optional
            Where the chains start; by default each position is drawn from its field alone.

        Returns
        -------
        ndarray of int64, shape (n, L)
            The chains' last states, as columns of `plmwidgets.alphabet.AMINO_ACIDS`.
        """
        random = np.random.default_rng(seed)
        length = len(self.fields)
        if start is None:
            x = np.stack([_draw(np.tile(field, (n, 1)), random) for field in self.fields], axis=1)
        else:
            x = np.array(start, dtype=np.int64)
        for _ in range(sweeps):
            for i in random.permutation(length):
                near = self._neighbours[i]
                scores = self.fields[i] + self._directed[self._slots[i], x[:, near]].sum(axis=1)
                x[:, i] = _draw(scores, random)
        return x

    def contact_map(self) -> NDArray[np.bool_]:
        """Return which positions are coupled, shape (L, L), symmetric; none with itself."""
        coupled = np.zeros((len(self.fields), len(self.fields)), dtype=bool)
        i, j = self.edges.T
        coupled[i, j] = coupled[j, i] = True
        return coupled

    def _check_parameters(self) -> None:
        length, count = len(self.fields), len(self.edges)
        if self.fields.shape != (length, STATES) or length == 0:
            raise ModelError(f"fields must have shape (L, 20), not {self.fields.shape}.")
        if self.couplings.shape != (count, STATES, STATES):
            raise ModelError(
                f"couplings must have shape ({count}, 20, 20), one block for each edge, not "
                f"{self.couplings.shape}."
            )
        ordered = (self.edges[:, 0] < self.edges[:, 1]).all()
        inside = ((self.edges >= 0) & (self.edges < length)).all()
        if not (ordered and inside and len(np.unique(self.edges, axis=0)) == count):
            raise ModelError(f"edges must be pairs 0 <= i < j < {length}, each pair once.")
        if not (np.isfinite(self.fields).all() and np.isfinite(self.couplings).all()):
            raise ModelError("fields and couplings must be finite numbers.")

    def _build_neighbours(self) -> None:
        """Tables of each position's neighbours, padded with couplings that are zero.

        ``_directed[slot, b]`` is what residue b at the neighbour adds to the 20 scores here.
        """
        count = len(self.edges)
        self._directed = np.zeros((2 * count + 1, STATES, STATES))
        self._directed[:count] = self.couplings.transpose(0, 2, 1)
        self._directed[count : 2 * count] = self.couplings
        self._no_slot = 2 * count
        self._graph: list[dict[int, int]] = [{} for _ in self.fields]
        for e, (i, j) in enumerate(self.edges.tolist()):
            self._graph[i][j] = e
            self._graph[j][i] = e + count
        width = max((len(near) for near in self._graph), default=0)
        self._neighbours = np.zeros((len(self.fields), width), dtype=np.int64)
        self._slots = np.full((len(self.fields), width), self._no_slot)
        for i, near in enumerate(self._graph):
            self._neighbours[i, : len(near)] = list(near)
            self._slots[i, : len(near)] = list(near.values())

    def _encode(self, context: Context) -> Ints:
        residues = context.residues
        self.check_sequence(residues)
        return np.array([INDEX[letter] for letter in residues], dtype=np.int64)

    def _local_fields(self, columns: Ints, hidden: NDArray[np.bool_]) -> Floats:
        """Fields plus what the visible neighbours add, (n, L, 20)."""
        result = np.broadcast_to(self.fields, (len(columns), *self.fields.shape)).copy()
        for near, slots in zip(self._neighbours.T, self._slots.T, strict=True):
            seen = np.where(hidden[:, near], self._no_slot, slots)
            result += self._directed[seen, columns[:, near]]
        return result

    def _component(self, target: int, hidden: NDArray[np.bool_]) -> list[int]:
        """Collect the target and the hidden residues joined to it through hidden ones."""
        found, queue = {target}, [target]
        while queue:
            for near in self._graph[queue.pop()]:
                if hidden[near] and near not in found:
                    found.add(near)
                    queue.append(near)
        return sorted(found)

    def _without(self, target: int, component: list[int], local: Floats, state: int) -> Floats:
        """Take what a visible target says to the component out of its local fields."""
        local = local.copy()
        for near in set(component) & set(self._graph[target]):
            local[near] -= self._directed[self._graph[near][target], state]
        return local

    def _eliminate(self, target: int, component: list[int], local: Floats) -> Floats:
        """Scores (20,) of the target with the rest of the component summed out.

        Variable elimination: the residue whose table is smallest goes first.
        """
        inside = set(component)
        factors: list[tuple[set[int], Floats]] = [({i}, local[i]) for i in component]
        for (i, j), block in zip(self.edges.tolist(), self.couplings, strict=True):
            if i in inside and j in inside:
                factors.append(({i, j}, block))
        left = inside - {target}
        while left:
            scopes = {
                i: sorted(set().union(*(members for members, _ in factors if i in members)))
                for i in left
            }
            leaving = min(left, key=lambda i: (len(scopes[i]), i))
            scope = scopes[leaving]
            if STATES ** len(scope) >= TABLE_LIMIT:
                raise ModelError(
                    f"{self.name} cannot sum exactly over the {len(component)} residues "
                    f"hidden around position {target} (0-based): too many of them are coupled to "
                    f"each other, such as {', '.join(map(str, scope))}. Hide fewer of them at a "
                    "time."
                )
            table = np.zeros((STATES,) * len(scope))
            for members, values in factors:
                if leaving in members:
                    # Axes of a table are its members in ascending order.
                    table += values.reshape([STATES if i in members else 1 for i in scope])
            factors = [factor for factor in factors if leaving not in factor[0]]
            factors.append((set(scope) - {leaving}, _logsumexp(table, scope.index(leaving))))
            left.remove(leaving)
        total: Floats = np.sum([values for _, values in factors], axis=0)
        return total

    def _dense_couplings(self) -> Floats:
        """J as (L, L, 20, 20) with both orders of every edge; zero where nothing is coupled."""
        length = len(self.fields)
        dense = np.zeros((length, length, STATES, STATES))
        for (i, j), block in zip(self.edges, self.couplings, strict=True):
            dense[i, j] = block
            dense[j, i] = block.T
        return dense

    def _closed_local(self, sequence: str) -> tuple[Ints, Floats]:
        """Return the sequence's columns x, and h_i(a) + sum_k J_ik(a, x_k) as (L, 20)."""
        x = self._encode(Context.of(sequence))
        seen = self._dense_couplings()[:, np.arange(len(x)), :, x]
        return x, self.fields + seen.sum(axis=0)


def _draw(scores: Floats, random: np.random.Generator) -> Ints:
    """One state a row from unnormalised log-scores (n, 20)."""
    cumulative = np.exp(scores - scores.max(axis=1, keepdims=True)).cumsum(axis=1)
    threshold = random.random((len(scores), 1)) * cumulative[:, -1:]
    state: Ints = (cumulative <= threshold).sum(axis=1).clip(max=STATES - 1)
    return state
