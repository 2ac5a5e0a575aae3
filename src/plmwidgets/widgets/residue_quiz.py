"""A quiz: which residue is hidden here? People vote, the model answers, both are scored in bits."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from typing import Any

import numpy as np
import pandas as pd
import traitlets as t
from numpy.typing import NDArray

from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.quiz import MOST_VOTES, Guess, counted, questions, score_sheet
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import Context, MaskedLM
from plmwidgets.protein import Protein, as_protein
from plmwidgets.service import Priority, service_for
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.view import View, bundle, envelope, in_words

HIDDEN = "?"
MOST_PLAYERS = 12


def _concealed(protein: Protein, quiz: "ResidueQuiz") -> dict[str, Any]:
    """Return what the page is told of the protein: nothing of the residues still asked for."""
    hidden = quiz.unanswered
    return {
        "name": protein.name,
        "sequence": quiz.shown,
        "labels": [
            HIDDEN + label[1:] if i in hidden else label
            for i, label in enumerate(protein.residue_labels)
        ],
    }


class ResidueQuiz(View):
    """Guess hidden residues, by votes, against a language model.

    All residues that will be asked for are hidden from the start, from the people and from the
    models alike, and each is shown once its round is over: both see the same. What is not revealed
    is nowhere in the page, nor in a notebook that is saved meanwhile; only the kernel knows it.

    A player spreads votes over one to twenty residues; a class may be one player, whose votes are
    its hands. Votes are read as probabilities, with one more vote spread evenly over the twenty
    (see `plmwidgets.methods.quiz.vote_distribution`), and several players also score together, one
    vote each. The score of a round is log2(20 p) bits, p what was given to the residue that is
    there: 0 for a blind guess, at most 4.32, less than 0 for what is worse than blind. A model is
    scored by its p(i|M), M all residues that are hidden in that round.

    Parameters
    ----------
    protein : Protein or str
    model : MaskedLM, str, or a sequence of them
        One or several to play against; their names must differ.
    positions : iterable of int, or str, optional
        What to ask for, 0-based and in this order, or as text in the chain's numbering. By default
        positions are drawn at random.
    rounds : int, optional
        How many are drawn; 5 by default.
    players : sequence of str
        Names, 1 to 12 different ones; by default the class is one player.
    seed : int, optional
        Makes the draw repeatable.
    selection : Selection, optional
        Shared with other views, to which the quiz tells the position as the focus. They show the
        letters of all residues.
    presenter : bool
        Larger type.

    Attributes
    ----------
    positions : tuple of int
        What is asked for, in this order.
    players : list of str
    player : int
        Whose votes the page counts, an index of `players`; assignable.
    round : int
        From 0.
    votes : list of list of int
        Of this round, a row a player, columns in the order of `plmwidgets.alphabet.AMINO_ACIDS`.
    answer : dict or None
        What is shown of a round that is revealed.

    Raises
    ------
    ModelError
        If a model cannot take the sequence.
    IndexError, TypeError, ValueError
        If the positions, the rounds or the names do not fit.

    Examples
    --------
    >>> from plmwidgets import Protein, ResidueQuiz
    >>> quiz = ResidueQuiz(Protein.demo(), "potts-demo", positions=[11, 30])
    >>> quiz.vote("WWF")
    >>> quiz.reveal()
    >>> quiz.to_pandas()["name"].tolist()
    ['Class', 'potts-demo']
    """

    _bundle = t.Unicode(bundle("residue_quiz"), read_only=True).tag(sync=True)
    protein = t.Instance(Protein, read_only=True).tag(sync=True, to_json=_concealed)
    shown = t.Unicode(read_only=True).tag(sync=True)
    letters = t.Unicode(AMINO_ACIDS, read_only=True).tag(sync=True)
    players: t.List[str] = t.List(t.Unicode(), read_only=True).tag(sync=True)
    models: t.List[str] = t.List(t.Unicode(), read_only=True).tag(sync=True)
    player = t.Int(0).tag(sync=True, page=True)
    round = t.Int(0, read_only=True).tag(sync=True)
    rounds = t.Int(0, read_only=True).tag(sync=True)
    position = t.Int(0, read_only=True).tag(sync=True)
    votes: t.List[Any] = t.List(read_only=True).tag(sync=True)
    pending = t.Bool(False, read_only=True).tag(sync=True)
    answer = t.Any(None, read_only=True).tag(sync=True)
    sheet: t.List[Any] = t.List(read_only=True).tag(sync=True)

    def __init__(
        self,
        protein: Protein | str,
        model: MaskedLM | str | Sequence[MaskedLM | str],
        positions: Iterable[int] | str | None = None,
        *,
        rounds: int | None = None,
        players: Sequence[str] = ("Class",),
        seed: int | None = None,
        selection: Selection | None = None,
        presenter: bool = False,
    ) -> None:
        protein = as_protein(protein)
        given = [model] if isinstance(model, str) or not isinstance(model, Sequence) else model
        self._models = [as_model(one) for one in given]
        names = [one.name for one in self._models]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"give one model or several of different names, not {names}")
        for one in self._models:
            one.check_sequence(protein.sequence)
        self.positions = questions(protein, positions, rounds, seed)
        self._playing = threading.RLock()
        self._asked: dict[str, Future[NDArray[np.floating[Any]]]] = {}
        self._wanted = False
        self._over: list[tuple[int, list[Guess], NDArray[np.int64]]] = []
        self.set_trait("players", _names(players))
        self.set_trait("models", names)
        self.set_trait("rounds", len(self.positions))
        self.set_trait("shown", self._visible(protein))
        super().__init__(protein, selection, presenter=presenter)
        self._begin(0)

    def __repr__(self) -> str:
        state = "revealed" if self.answer else "open"
        return (
            f"ResidueQuiz({self.protein.name}, round {self.round + 1} of {self.rounds}, {state}; "
            f"{', '.join(self.players)} against {', '.join(self.models)})"
        )

    @property
    def unanswered(self) -> frozenset[int]:
        """Positions that are hidden: of this round until it is revealed, and of those to come."""
        return frozenset(self.positions[len(self._over) :])

    # To play

    def vote(self, votes: str | Mapping[str, int], player: int | str | None = None) -> None:
        """Set the votes of a player in this round, in place of those that are there.

        Parameters
        ----------
        votes : str or mapping of str to int
            A letter for each vote, such as ``"WWF"``, or counts such as ``{"W": 2, "F": 1}``;
            ``""`` takes all back.
        player : int or str, optional
            Index or name; `player` by default.

        Raises
        ------
        ValueError
            If a letter is no amino acid, a count no whole number, there is no such player, or the
            round is revealed.
        """
        self._put(self._player_of(player), counted(votes))

    def reveal(self) -> None:
        """End the round: show the residue and what the models say, and score all.

        Waits for the models. Nothing happens where the round is revealed already.
        """
        self._ask_for_answer()
        wait(self._asked.values())
        self._finish()

    def next_round(self) -> None:
        """Go on to the next residue.

        Raises
        ------
        ValueError
            If this round is not revealed yet, or was the last.
        """
        with self._playing:
            if self.answer is None:
                raise ValueError("this round is open: reveal it first")
            if self.round + 1 == self.rounds:
                raise ValueError("that was the last round: make another ResidueQuiz for more")
            self._begin(self.round + 1)

    # What came of it

    def to_pandas(self) -> pd.DataFrame:
        """One row for each round that is revealed and each player and model.

        Returns
        -------
        DataFrame
            ``round`` (from 1), ``position`` (0-based), ``label``, ``wild_type``, ``name``,
            ``kind`` ("player", "together", "model"), ``votes`` (how many were cast; missing for
            models), ``probability`` of the wild type, ``bits`` (log2(20 p)), and then p of each
            amino acid as ``p_A`` to ``p_Y``.
        """
        rows = []
        for k, (position, guesses, votes) in enumerate(self._over):
            cast = dict(zip(self.players, votes.sum(axis=1).tolist(), strict=True))
            for guess in guesses:
                wild_type = int(self.protein.wild_type[position])
                everyone = sum(cast.values()) if guess.kind == "together" else None
                rows.append(
                    {
                        "round": k + 1,
                        "position": position,
                        "label": self.protein.residue_labels[position],
                        "wild_type": self.protein.sequence[position],
                        "name": guess.name,
                        "kind": guess.kind,
                        "votes": cast[guess.name] if guess.kind == "player" else everyone,
                        "probability": guess.probabilities[wild_type],
                        "bits": guess.bits,
                        **{
                            f"p_{letter}": p
                            for letter, p in zip(AMINO_ACIDS, guess.probabilities, strict=True)
                        },
                    }
                )
        columns = ["round", "position", "label", "wild_type", "name", "kind", "votes"]
        columns += ["probability", "bits", *(f"p_{letter}" for letter in AMINO_ACIDS)]
        return pd.DataFrame(rows, columns=columns).astype({"votes": "Int64"})

    def standings(self) -> pd.DataFrame:
        """Return who leads.

        Returns
        -------
        DataFrame, indexed by name, most bits first
            ``kind``, ``rounds`` that were scored, ``bits`` (their sum) and ``mean`` (a round).
        """
        table = self.to_pandas().groupby(["name", "kind"], sort=False)["bits"]
        found = table.agg(rounds="size", bits="sum", mean="mean").reset_index("kind")
        return found.sort_values("bits", ascending=False, kind="stable")

    # The page

    def handle(self, kind: str, content: Any) -> None:
        """Count votes, reveal and go on."""
        if kind == "vote":
            who, column = self._player_of(content.get("player")), content.get("column")
            if type(column) is not int or not 0 <= column < len(AMINO_ACIDS):
                raise ValueError("the page sent a vote for no amino acid")
            step = content.get("step")
            if step not in (1, -1) or type(step) is not int:
                raise ValueError("the page sent a vote that is neither one more nor one less")
            counts = list(self.votes[who])
            counts[column] = min(MOST_VOTES, max(0, counts[column] + step))
            self._put(who, counts)
        elif kind == "clear_votes":
            self._put(self._player_of(content.get("player")), [0] * len(AMINO_ACIDS))
        elif kind == "reveal":
            self._ask_for_answer()
        elif kind == "next":
            self.next_round()
        else:
            super().handle(kind, content)

    def _check_selection(self, state: Any) -> None:
        # A selection leaves a substitution by the residue's own letter away: that would tell it.
        super()._check_selection(state)
        said = self.selection.check_state(state)
        if not self.unanswered.isdisjoint(said.substitutions):
            self.selection.outrun(said.clock)
            raise ValueError("a residue that is asked for cannot be substituted yet")

    @t.validate("player")
    def _validate_player(self, proposal: Any) -> int:
        if not 0 <= proposal["value"] < len(self.players):
            raise t.TraitError(f"there are {len(self.players)} players, counted from 0")
        return int(proposal["value"])

    # A round

    def _begin(self, k: int) -> None:
        with self._playing, self.hold_sync():
            position = self.positions[k]
            self._wanted = False
            context = Context.of(self.protein.sequence, self.unanswered)
            wanted = np.array([[position]], dtype=np.int64)
            self._asked = {
                model.name: service_for(model).submit(
                    [context], wanted, priority=Priority.INTERACTIVE
                )
                for model in self._models
            }
            self.set_trait("round", k)
            self.set_trait("position", position)
            self.set_trait("votes", [[0] * len(AMINO_ACIDS) for _ in self.players])
            self.set_trait("answer", None)
            self.set_trait("shown", self._visible(self.protein))
        self.selection.focus = position

    def _ask_for_answer(self) -> None:
        with self._playing:
            if self._wanted:
                return
            self._wanted = True
            waiting = [future for future in self._asked.values() if not future.done()]
            self.set_trait("pending", bool(waiting))
        for future in waiting:
            future.add_done_callback(self._answered)
        self._finish()

    def _answered(self, _: "Future[NDArray[np.floating[Any]]]") -> None:
        with self.guarded():
            self._finish()

    def _finish(self) -> None:
        """Show and score the round, once it is wanted and all models have answered."""
        with self._playing, self.hold_sync():
            if self.answer is not None or not self._wanted:
                return
            if not all(future.done() for future in self._asked.values()):
                return
            found, failures = {}, []
            for name, future in self._asked.items():
                error = None if future.cancelled() else future.exception()
                if error is not None or future.cancelled():
                    failures.append(f"{name} could not answer: {in_words(Exception(error))}")
                else:
                    found[name] = np.exp(future.result()[0, 0].astype(np.float64))
            votes = np.array(self.votes, dtype=np.int64)
            truth = int(self.protein.wild_type[self.position])
            guesses = score_sheet(self.players, votes, found, truth)
            self._over.append((self.position, guesses, votes))
            self.set_trait("pending", False)
            self.set_trait("shown", self._visible(self.protein))
            self.set_trait("sheet", self._sheet())
            self.set_trait(
                "answer",
                {
                    "column": truth,
                    "label": self.protein.residue_labels[self.position],
                    "names": [guess.name for guess in guesses],
                    "kinds": [guess.kind for guess in guesses],
                    "probabilities": envelope(np.stack([g.probabilities for g in guesses])),
                    "bits": [guess.bits for guess in guesses],
                },
            )
            if failures:
                self.error = "; ".join(failures)

    def _sheet(self) -> list[Any]:
        """For each who has a score: name, kind, and bits in each round, None where missing."""
        lines: dict[tuple[str, str], list[float | None]] = {}
        for k, (_, guesses, _) in enumerate(self._over):
            for guess in guesses:
                line = lines.setdefault((guess.name, guess.kind), [None] * len(self._over))
                line[k] = guess.bits
        return [[name, kind, bits] for (name, kind), bits in lines.items()]

    def _visible(self, protein: Protein) -> str:
        hidden = self.unanswered
        return "".join(HIDDEN if i in hidden else a for i, a in enumerate(protein.sequence))

    def _put(self, who: int, counts: list[int]) -> None:
        with self._playing:
            if self._wanted:
                raise ValueError("this round is revealed: votes count in the next one")
            votes = [list(row) for row in self.votes]
            votes[who] = counts
            self.set_trait("votes", votes)

    def _player_of(self, player: Any) -> int:
        if player is None:
            return self.player
        if isinstance(player, str) and player in self.players:
            return self.players.index(player)
        if type(player) is int and 0 <= player < len(self.players):
            return player
        raise ValueError(
            f"no player {str(player)[:50]!r}: there are {', '.join(self.players)}, or 0 to "
            f"{len(self.players) - 1}"
        )


def _names(players: Sequence[str]) -> list[str]:
    if not isinstance(players, Iterable):
        raise ValueError(f"players have names, such as ['Ada', 'Max'], not {players!r}")
    names = [players] if isinstance(players, str) else list(players)
    if not all(isinstance(name, str) and name.strip() for name in names):
        raise ValueError(f"players have names, such as ['Ada', 'Max'], not {players!r}")
    if not 1 <= len(names) <= MOST_PLAYERS or len(set(names)) < len(names):
        raise ValueError(f"there are 1 to {MOST_PLAYERS} players of different names")
    return names
