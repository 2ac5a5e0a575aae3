"""The quiz on hidden residues: votes as probabilities, scores in bits, what the page is told."""

import json
import math

import numpy as np
import pytest
import traitlets as t
from ipywidgets.widgets.widget import _remove_buffers
from scipy import stats
from toy_models import GatedModel, ToyModel
from view_tools import decoded, wait_for

from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.quiz import counted, questions, score_bits, together, vote_distribution
from plmwidgets.models.masked_lm import Context, ModelError
from plmwidgets.protein import Protein
from plmwidgets.widgets.residue_quiz import ResidueQuiz
from plmwidgets.widgets.selection import Selection

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQ"
PROTEIN = Protein(SEQUENCE, name="toy")


def votes_of(text):
    return np.array(counted(text))


def state_of(quiz):
    state, _, _ = _remove_buffers(quiz.get_state(drop_defaults=False))
    return {name: value for name, value in state.items() if name not in ("layout", "_bundle")}


# Votes and scores


def test_votes_are_probabilities_with_one_more_vote_spread_evenly():
    p = vote_distribution(votes_of("WWF"))
    # The mean of the posterior of a Dirichlet prior of 1/20 for each.
    expected = stats.dirichlet.mean(votes_of("WWF") + 1 / 20)
    np.testing.assert_allclose(p, expected, rtol=1e-12)
    assert p[AMINO_ACIDS.index("W")] == pytest.approx(2.05 / 4)
    np.testing.assert_allclose(vote_distribution(np.zeros(20)), 1 / 20)
    assert vote_distribution(votes_of("W")).max() == pytest.approx(0.525)
    assert vote_distribution(votes_of("WWW")).max() == pytest.approx(0.7625)


def test_together_each_player_is_one_vote():
    votes = np.stack([votes_of("WWWW"), votes_of("FG"), votes_of("")])
    shares = votes_of("W") + (votes_of("F") + votes_of("G")) / 2
    np.testing.assert_allclose(together(votes), (shares + 1 / 20) / 3, rtol=1e-12)
    np.testing.assert_allclose(together(votes[2:]), 1 / 20)
    alone = together(votes[:1])
    np.testing.assert_allclose(alone, vote_distribution(votes_of("W")))


def test_the_score_is_the_surprisal_turned_round():
    assert score_bits(1.0) == pytest.approx(math.log2(20))
    assert score_bits(1 / 20) == pytest.approx(0, abs=1e-15)
    assert score_bits(0.0) == -np.inf
    p = np.random.default_rng(0).dirichlet(np.ones(20))
    np.testing.assert_allclose(score_bits(p), math.log2(20) + np.log2(p), rtol=1e-12)
    # Proper: one expects most by saying what one believes; and then it is what is known of it.
    expected = (p * score_bits(p)).sum()
    assert expected == pytest.approx(math.log2(20) - stats.entropy(p, base=2))
    for seed in range(20):
        other = np.random.default_rng(seed).dirichlet(20 * p + 0.5)
        assert (p * score_bits(other)).sum() < expected


def test_votes_are_read_as_people_write_them():
    assert counted("wwF") == counted({"W": 2, "f": 1})
    assert sum(counted("")) == 0
    for wrong in ("WX", "W F", {"WF": 1}, {"": 1}):
        with pytest.raises(ValueError, match="no amino acid"):
            counted(wrong)
    for wrong in (-1, 1.5, True, 10**6, "2", None):
        with pytest.raises(ValueError, match="whole numbers from 0"):
            counted({"W": wrong})
    with pytest.raises(ValueError, match="counts by letter"):
        counted(["W"])


def test_questions_are_drawn_among_the_twenty_or_given():
    protein = Protein("XX" + SEQUENCE, name="some unknown")
    drawn = questions(protein, None, None, 3)
    assert drawn == questions(protein, None, 5, 3)
    assert len(set(drawn)) == 5 and min(drawn) >= 2
    assert sorted(questions(protein, None, 22, 0)) == list(range(2, 24))
    assert questions(protein, [7, 3], None, None) == (7, 3)
    assert questions(PROTEIN, "Y5, 9", None, None) == (4, 8)
    for arguments, words in [
        ((None, 23), "22 residues to ask for"),
        ((None, 0), "whole number from 1"),
        ((None, 2.5), "whole number from 1"),
        (([3], 2), "not both"),
        (([], None), "at least one position"),
        (([3, 3], None), "twice"),
        (([0], None), "X1 is none of the twenty"),
    ]:
        with pytest.raises(ValueError, match=words):
            questions(protein, *arguments, None)
    with pytest.raises(IndexError):
        questions(protein, [99], None, None)


# A game


def test_a_round_by_the_closed_form_of_the_exact_family():
    from plmwidgets.models import load_model

    protein, potts = Protein.demo(), load_model("potts-demo")
    position = 11
    energy = potts.fields[position].copy()
    for (a, b), coupling in zip(potts.edges, potts.couplings, strict=True):
        if a == position:
            energy += coupling[:, protein.wild_type[b]]
        elif b == position:
            energy += coupling[protein.wild_type[a]]
    exact = np.exp(energy - np.logaddexp.reduce(energy))
    truth = protein.wild_type[position]
    quiz = ResidueQuiz(protein, potts, [position])
    quiz.vote(protein.sequence[position])
    quiz.reveal()
    table = quiz.to_pandas().set_index("name")
    assert table.loc["potts-demo", "bits"] == pytest.approx(math.log2(20 * exact[truth]))
    np.testing.assert_allclose(
        table.loc["potts-demo", [f"p_{a}" for a in AMINO_ACIDS]].astype(float), exact, rtol=1e-9
    )
    assert table.loc["Class", "bits"] == pytest.approx(math.log2(20 * 0.525))
    assert table.loc["Class", "votes"] == 1
    assert table.loc["Class", "label"] == protein.residue_labels[position]
    quiz.close()


def test_a_game_of_two_players_and_two_models():
    models = [ToyModel("quiz one"), ToyModel("quiz two")]
    asked = [4, 9, 14]
    quiz = ResidueQuiz(PROTEIN, models, asked, players=["Ada", "Max"])
    totals = dict.fromkeys(["Ada", "Max", "Together", "quiz one", "quiz two"], 0.0)
    for k, position in enumerate(asked):
        assert (quiz.round, quiz.position) == (k, position)
        assert quiz.unanswered == frozenset(asked[k:])
        truth = PROTEIN.wild_type[position]
        quiz.vote(SEQUENCE[position] + "G", "Ada")
        quiz.vote({"L": 4}, 1)
        quiz.reveal()
        context = Context.of(SEQUENCE, asked[k:])  # as people saw it: all that is still hidden
        for model in models:
            log_p = model.expected(context)[position, truth]
            totals[model.name] += math.log2(20) + log_p / math.log(2)
        ada, lena = votes_of(SEQUENCE[position] + "G"), votes_of("L")
        totals["Ada"] += score_bits(vote_distribution(ada)[truth])
        totals["Max"] += score_bits(vote_distribution(4 * lena)[truth])
        totals["Together"] += score_bits(vote_distribution(ada / ada.sum() + lena)[truth])
        assert quiz.answer["label"] == PROTEIN.residue_labels[position]
        if k < 2:
            quiz.next_round()
    table = quiz.standings()
    assert table["rounds"].tolist() == [3] * 5
    assert table["bits"].is_monotonic_decreasing
    assert table["bits"].to_dict() == pytest.approx(totals, rel=1e-5)
    assert table.loc["Together", "kind"] == "together"
    rows = quiz.to_pandas()
    assert len(rows) == 15
    assert rows.loc[rows["kind"] == "together", "votes"].tolist() == [6, 6, 6]
    assert rows.loc[rows["kind"] == "model", "votes"].isna().all()
    with pytest.raises(ValueError, match="last round"):
        quiz.next_round()
    assert "round 3 of 3, revealed; Ada, Max against quiz one, quiz two" in repr(quiz)
    quiz.close()


def test_what_the_page_draws_is_what_was_scored():
    quiz = ResidueQuiz(PROTEIN, ToyModel("quiz drawn"), [4, 9], players=["Ada", "Max"])
    quiz.handle("vote", {"player": 1, "column": 3, "step": 1})
    quiz.handle("vote", {"player": 1, "column": 3, "step": 1})
    quiz.handle("vote", {"player": 1, "column": 5, "step": -1})
    assert quiz.votes[1] == [0, 0, 0, 2, *[0] * 16]
    quiz.handle("clear_votes", {"player": 1})
    assert sum(quiz.votes[1]) == 0
    quiz.handle("vote", {"player": 0, "column": 0, "step": 1})
    quiz.handle("reveal", {})
    wait_for(lambda: quiz.answer is not None)
    table = quiz.to_pandas()
    assert (
        quiz.answer["names"] == table["name"].tolist() == ["Ada", "Max", "Together", "quiz drawn"]
    )
    assert quiz.answer["bits"] == table["bits"].tolist()
    drawn = decoded(quiz.answer["probabilities"])
    np.testing.assert_allclose(drawn, table[[f"p_{a}" for a in AMINO_ACIDS]], rtol=1e-6)
    assert quiz.answer["column"] == PROTEIN.wild_type[4]
    assert quiz.sheet == [
        [name, kind, [bits]]
        for name, kind, bits in zip(table["name"], table["kind"], table["bits"], strict=True)
    ]
    quiz.handle("reveal", {})  # once more: nothing
    assert len(quiz.to_pandas()) == 4
    quiz.handle("next", {})
    assert quiz.answer is None and quiz.round == 1
    quiz.close()


def test_nothing_that_is_not_revealed_is_told_to_the_page():
    """Whatever a hidden residue is, the page is told the very same until it is revealed."""
    asked = [4, 9]
    states = []
    for letters in ("YW", "GP", "KK"):
        sequence = "".join(
            letters[asked.index(i)] if i in asked else a for i, a in enumerate(SEQUENCE)
        )
        quiz = ResidueQuiz(Protein(sequence, name="toy"), ToyModel("silent quiz"), asked)
        quiz.vote("WG")
        wait_for(lambda quiz=quiz: all(one.done() for one in quiz._asked.values()))
        state = state_of(quiz)
        for name in ("selection_id",):
            state.pop(name)
        states.append(json.dumps(state, default=str, sort_keys=True))
        told = json.loads(states[-1])
        assert told["protein"]["sequence"][4] == told["shown"][9] == "?"
        assert told["protein"]["labels"][9] == "?10"
        assert told["answer"] is None and told["sheet"] == []
        quiz.reveal()
        later = json.loads(json.dumps(state_of(quiz), default=str))
        assert later["shown"][4] == sequence[4] and later["shown"][9] == "?"
        assert later["protein"]["labels"][9] == "?10"
        assert later["answer"]["label"] == f"{letters[0]}5"
        assert letters[1] not in later["error"]
        quiz.close()
    assert states[0] == states[1] == states[2]


def test_a_page_cannot_find_out_by_substituting():
    quiz = ResidueQuiz(PROTEIN, ToyModel("quiz probed"), [4, 9])
    answers = []
    for letter in AMINO_ACIDS:
        state = {**quiz.selection.to_state(), "substitutions": [[9, letter]]}
        state["clock"] += 1
        quiz._receive(quiz, {"type": "select", "state": state}, [])
        answers.append((quiz.error, quiz.selection_state["substitutions"]))
    assert set(map(str, answers)) == {
        "('a residue that is asked for cannot be substituted yet', [])"
    }
    state = {**quiz.selection.to_state(), "substitutions": [[2, "W"]]}
    state["clock"] += 1
    quiz.set_state({"selection_state": state})
    assert quiz.error == "" and quiz.selection.substitutions == {2: "W"}
    quiz.close()


def test_votes_are_closed_once_the_round_is_and_the_model_is_waited_for():
    model = GatedModel("slow quiz", after=0)
    quiz = ResidueQuiz(PROTEIN, model, [4, 9])
    quiz.handle("vote", {"player": 0, "column": 0, "step": 1})
    quiz.handle("reveal", {})
    assert quiz.pending and quiz.answer is None
    with pytest.raises(ValueError, match="this round is revealed"):
        quiz.vote("W")
    with pytest.raises(ValueError, match="this round is open"):
        quiz.next_round()
    model.gate.set()
    wait_for(lambda: quiz.answer is not None)
    assert not quiz.pending
    quiz.next_round()
    quiz.vote("W")
    quiz.reveal()
    assert quiz.to_pandas()["round"].tolist() == [1, 1, 2, 2]
    quiz.close()


def test_a_model_that_fails_does_not_end_the_game():
    good, bad = ToyModel("quiz good"), ToyModel("quiz bad")
    bad.fails_with = ModelError("it broke")
    quiz = ResidueQuiz(PROTEIN, [good, bad], [4, 9])
    quiz.reveal()
    assert quiz.error == "quiz bad could not answer: it broke"
    assert quiz.to_pandas()["name"].tolist() == ["Class", "quiz good"]
    bad.fails_with = None
    quiz.next_round()
    quiz.reveal()
    table = quiz.standings()
    assert table.loc["quiz bad", "rounds"] == 1
    assert [line[2][0] for line in quiz.sheet if line[0] == "quiz bad"] == [None]
    quiz.close()


def test_the_focus_of_a_shared_selection_is_the_question():
    selection = Selection(PROTEIN)
    quiz = ResidueQuiz(PROTEIN, ToyModel("quiz in focus"), [4, 9], selection=selection)
    assert selection.focus == 4
    quiz.reveal()
    quiz.next_round()
    assert selection.focus == 9
    assert selection.masked == frozenset()
    quiz.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"players": []}, "1 to 12 players"),
        ({"players": ["Ada", "Ada"]}, "different names"),
        ({"players": ["Ada", " "]}, "players have names"),
        ({"players": [3]}, "players have names"),
        ({"players": [str(k) for k in range(13)]}, "1 to 12 players"),
        ({"model": []}, "give one model or several"),
        ({"model": [ToyModel("quiz twice"), ToyModel("quiz twice")]}, "different names"),
        ({"rounds": 99}, "22 residues to ask for"),
        ({"players": None}, "players have names"),
        ({"seed": "x"}, "seed='x'"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_wrong_arguments_are_told_in_words(arguments, words):
    with pytest.raises(ValueError, match=words):
        ResidueQuiz(**{"protein": PROTEIN, "model": ToyModel("quiz wrong"), **arguments})


def test_a_position_alone_is_no_list_of_them():
    with pytest.raises(TypeError, match="positions are a list"):
        ResidueQuiz(PROTEIN, ToyModel("quiz wrong"), 5)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("vote", {"player": 0, "column": 20, "step": 1}),
        ("vote", {"player": 0, "column": True, "step": 1}),
        ("vote", {"player": 0, "column": 3, "step": 10**9}),
        ("vote", {"player": 0, "column": 3, "step": True}),
        ("vote", {"player": 7, "column": 3, "step": 1}),
        ("vote", {"player": {}, "column": 3, "step": 1}),
        ("vote", {}),
        ("clear_votes", {"player": -1}),
        ("next", {}),
        ("solve", {}),
    ],
)
def test_the_page_cannot_do_what_makes_no_sense(kind, content):
    quiz = ResidueQuiz(PROTEIN, ToyModel("quiz page"), [4, 9])
    before = state_of(quiz)
    with pytest.raises(ValueError, match=r"\w"):
        quiz.handle(kind, content)
    assert state_of(quiz) == before
    with pytest.raises(t.TraitError, match="counted from 0"):
        quiz.player = 1
    quiz.close()
