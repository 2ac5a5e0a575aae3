"""The least that a model must see: against all subsets of a small Potts chain, and its controls."""

import itertools

import numpy as np
import pytest
from toy_models import ToyModel
from view_tools import SEQUENCE, wait_for

from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.recovery.minimal_context import minimal_context
from plmwidgets.models.masked_lm import Context
from plmwidgets.models.potts import PottsModel
from plmwidgets.protein import Protein
from plmwidgets.scan.progress import ScanStatus
from plmwidgets.widgets.selection import Selection

LENGTH = 8


def chain(seed, strength=1.5):
    """A Potts chain, and a sequence that is likely in it."""
    random = np.random.default_rng(seed)
    edges = np.array([(i, i + 1) for i in range(LENGTH - 1)])
    model = PottsModel(
        random.normal(size=(LENGTH, 20)),
        edges,
        strength * random.normal(size=(LENGTH - 1, 20, 20)),
        name=f"chain-{seed}",
    )
    letters = [0]
    for i in range(LENGTH - 1):
        letters.append(int(np.argmax(model.fields[i + 1] + model.couplings[i][letters[-1]])))
    return model, Protein("".join(AMINO_ACIDS[a] for a in letters))


def p_of(model, protein, position, shown):
    hidden = tuple(i for i in range(len(protein)) if i not in shown)
    return model.log_probabilities([Context(protein.sequence, hidden)])[0][position]


def searched(protein, model, position, **options):
    found = minimal_context(protein, model, position, **options)
    found.wait(quiet=True)
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("criterion", ["argmax", 0.6])
def test_against_all_subsets(seed, criterion):
    model, protein = chain(seed)
    for position in (0, 3):
        others = [i for i in range(LENGTH) if i != position]
        wild_type = protein.wild_type[position]

        def holds(shown, position=position, wild_type=wild_type):
            row = p_of(model, protein, position, set(shown))
            if criterion == "argmax":
                return row.argmax() == wild_type
            return np.exp(row[wild_type]) >= criterion

        sizes = [
            size
            for size in range(LENGTH)
            if any(holds(shown) for shown in itertools.combinations(others, size))
        ]
        found = searched(protein, model, position, criterion=criterion)
        assert found.recovered == bool(sizes)
        if not sizes:
            continue
        assert holds(found.context)
        # None to spare; and in a chain greedy is at most one away from the smallest set.
        assert not any(holds(set(found.context) - {c}) for c in found.context)
        assert sizes[0] <= len(found.context) <= sizes[0] + 1
        assert found.probability == pytest.approx(
            np.exp(p_of(model, protein, position, set(found.context))[wild_type])
        )


def test_the_context_lies_among_coupled_neighbours():
    model, protein = chain(7, strength=4.0)
    found = searched(protein, model, 4, criterion=0.5)
    assert found.recovered
    assert set(found.context) <= {3, 5}
    gains = found.gains
    assert set(np.flatnonzero(np.isfinite(gains))) == set(found.context)


def test_what_is_not_needed_any_more_is_hidden_again():
    """Alone, 0 helps most; 1 and 2 together do it without 0."""

    class Wanting(ToyModel):
        def expected(self, context):
            shown = set(range(len(context.sequence))) - set(context.masked)
            p = 0.1 + 0.2 * (0 in shown) + 0.15 * (1 in shown) + 0.15 * (2 in shown)
            p += 0.5 * ({1, 2} <= shown)
            wild_type = Protein(context.sequence).wild_type[9]
            row = np.full(20, (1 - min(p, 0.99)) / 19)
            row[wild_type] = min(p, 0.99)
            return np.log(np.tile(row, (len(context.sequence), 1)))

    found = searched(Protein(SEQUENCE), Wanting("wanting"), 9, criterion=0.85)
    assert [step.action for step in found.trace] == ["start", "show", "show", "show", "hide"]
    assert sorted(found.context) == [1, 2]
    assert found.passes == 1 + 21 + 20 + 19 + 3 + 2
    table = found.to_pandas()
    assert table["visible"].tolist() == [0, 1, 2, 3, 2]
    assert table["p_wild_type"].iloc[-1] == pytest.approx(0.9)
    assert table["recovered"].tolist() == [False, False, False, True, True]
    assert "greedy, 66 passes" in repr(found)
    selection = Selection(found.protein)
    found.apply(selection)
    assert selection.masked == frozenset(range(22)) - {1, 2}
    assert selection.focus == 9
    # With few candidates, only those that helped alone are tried again.
    few = searched(Protein(SEQUENCE), Wanting("wanting"), 9, criterion=0.85, candidates=3)
    assert sorted(few.context) == [1, 2]
    assert few.passes == 1 + 21 + 2 + 1 + 3 + 2


def test_nothing_may_be_enough():
    fields = np.zeros((4, 20))
    fields[2, 5] = 4.0
    model = PottsModel(fields, np.empty((0, 2)), np.empty((0, 20, 20)), name="fields alone")
    found = searched(Protein("AAGA".replace("G", AMINO_ACIDS[5])), model, 2)
    assert found.recovered
    assert found.context == ()
    assert found.passes == 1


def test_it_gives_up_at_the_limit_and_says_so():
    model, protein = chain(0)
    letters = list(protein.sequence)
    letters[3] = AMINO_ACIDS[int(p_of(model, protein, 3, set(range(LENGTH)) - {3}).argmin())]
    wrong = Protein("".join(letters))
    found = searched(wrong, model, 3, limit=2)
    assert not found.recovered
    assert found.progress.status is ScanStatus.FINISHED
    assert len(found.context) == 2
    assert "not recovered" in repr(found)


def test_it_is_paused_goes_on_and_ends_the_same():
    protein, model = Protein(SEQUENCE), ToyModel("slow search", seconds=0.002)
    want = searched(protein, ToyModel("slow search"), 4, criterion=0.3)
    found = minimal_context(protein, model, 4, criterion=0.3)
    wait_for(lambda: len(found.trace) > 1 or found.complete)
    found.pause()
    found.resume()
    found.wait(quiet=True)
    assert found.context == want.context


def test_a_failure_is_told_and_may_be_tried_again():
    model = ToyModel("search fails")
    model.fails_with = RuntimeError("no power")
    found = minimal_context(Protein(SEQUENCE), model, "Y5")
    with pytest.raises(RuntimeError, match="no power"):
        found.wait(quiet=True)
    assert found.position == 4
    assert np.isnan(found.probability)
    assert len(found.to_pandas()) == 0
    model.fails_with = None
    found.resume()
    found.wait(quiet=True)
    assert found.complete


@pytest.mark.parametrize(
    ("position", "options", "error", "words"),
    [
        (99, {}, IndexError, "out of range"),
        ("3-5", {}, ValueError, "one residue"),
        (21, {}, ValueError, "none of the twenty"),
        (3, {"criterion": "best"}, ValueError, "'argmax' or a probability"),
        (3, {"criterion": 1.5}, ValueError, "between 0 and 1"),
        (3, {"criterion": None}, ValueError, "'argmax' or a probability, not None"),
        (3, {"criterion": [0.5]}, ValueError, "'argmax' or a probability"),
        (3, {"criterion": np.array([0.5, 0.6])}, ValueError, "'argmax' or a probability"),
        (3, {"criterion": float("nan")}, ValueError, "between 0 and 1"),
        (3, {"limit": "a"}, ValueError, "limit is a whole number.*'a'"),
        (3, {"limit": 2.5}, ValueError, "limit is a whole number.*2.5"),
        (3, {"candidates": 2.5}, ValueError, "candidates one.*2.5"),
        (None, {}, ValueError, "position is one residue.*None"),
        ([3], {}, ValueError, "position is one residue"),
        (2.5, {}, ValueError, "position is one residue"),
        (3, {"limit": -1}, ValueError, "limit"),
        (3, {"candidates": 0}, ValueError, "candidates"),
    ],
)
def test_bad_questions_are_refused(position, options, error, words):
    with pytest.raises(error, match=words):
        minimal_context(Protein(SEQUENCE[:21] + "X"), ToyModel("refuses"), position, **options)


def test_numbers_of_numpy_count():
    found = searched(
        Protein(SEQUENCE),
        ToyModel("numpy"),
        np.int64(3),
        criterion=np.float32(0.25),
        limit=np.int64(2),
        candidates=np.int64(5),
    )
    assert found.complete
    assert (found.position, found.limit, found.candidates) == (3, 2, 5)
