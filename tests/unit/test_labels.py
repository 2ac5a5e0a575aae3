"""Tables that are labelled are read by their labels, wherever numbers of one's own are taken."""

import numpy as np
import pandas as pd
import pytest
from toy_models import ToyModel
from view_tools import decoded

from plmwidgets import (
    EmbeddingPlot,
    PairHeatmap,
    Protein,
    SequenceStrip,
    StructureView,
    candidate_segments,
    embed,
    fit_probe,
    scan_pairs,
    to_nglview,
    unmask,
)
from plmwidgets._labels import by_name, by_residue

DEMO = Protein.demo()
LABELS = list(DEMO.residue_labels)
LENGTH = len(DEMO)
RANDOM = np.random.default_rng(0)
ORDER = RANDOM.permutation(LENGTH)
OTHERS = [f"{label}x" for label in LABELS]
NUMBERS = RANDOM.normal(size=LENGTH)
SHUFFLED = pd.Series(NUMBERS, LABELS).iloc[ORDER]
MAP = RANDOM.uniform(size=(LENGTH, LENGTH))
MAP = MAP + MAP.T
TABLE = pd.DataFrame(MAP, LABELS, LABELS)
SHUFFLED_TABLE = TABLE.iloc[ORDER, ORDER[::-1]]


def test_rows_and_columns_go_by_their_labels_or_their_numbers():
    pair = Protein("MK", name="p")
    given = pd.DataFrame([[1, 2], [3, 4]], ["K2", "M1"], ["M1", "K2"])
    assert by_residue(given, pair, "it").to_numpy().tolist() == [[3, 4], [1, 2]]
    assert by_residue(pd.Series([5.0, 6.0], [1, 0]), pair, "it").tolist() == [6.0, 5.0]
    assert by_residue(pd.Series([5.0, 6.0]), pair, "it").tolist() == [5.0, 6.0]
    for other in ([3, 1], np.array([3, 1]), pd.Series([1], ["x"]), None):
        assert by_residue(other, pair, "it") is other


@pytest.mark.parametrize("labels", [["M1", "x"], ["M1", "M1"], [1, 2], [("M1", 1), ("K2", 1)]])
def test_other_labels_are_refused_with_what_to_do(labels):
    index = pd.MultiIndex.from_tuples(labels) if isinstance(labels[0], tuple) else labels
    with pytest.raises(ValueError, match=r"rows with other labels than 'p' has, .*to_numpy\(\)"):
        by_residue(pd.Series([1, 2], index), Protein("MK", name="p"), "the map")


def test_names_that_come_twice_serve_in_their_order_alone():
    names = ("a", "a", "b")
    assert by_name(pd.Series([1, 2, 3], names), names, "the Series").tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="rows with other labels"):
        by_name(pd.Series([1, 2, 3], ["a", "b", "a"]), names, "the Series")


def test_candidates_of_a_map_in_another_order():
    want = candidate_segments(DEMO, MAP, threshold=500.0)
    assert 0 < len(want) < LENGTH
    found = candidate_segments(DEMO, SHUFFLED_TABLE, threshold=500.0)
    pd.testing.assert_frame_equal(found, want)
    with pytest.raises(ValueError, match="rows with other labels than 'demo' has"):
        candidate_segments(DEMO, TABLE.set_axis(OTHERS))


def test_colours_in_another_order():
    strip = SequenceStrip(DEMO)
    strip.colour(SHUFFLED, "mine")
    np.testing.assert_array_equal(strip.to_pandas()["value"], NUMBERS)
    strip.colour(pd.Series(ORDER % 3, np.array(LABELS)[ORDER]), "class", classes="abc")
    assert strip.to_pandas()["value"].tolist() == ["abc"[k % 3] for k in range(LENGTH)]
    strip.colour(pd.Series(NUMBERS), "plain")
    np.testing.assert_array_equal(strip.to_pandas()["value"], NUMBERS)
    with pytest.raises(ValueError, match="the Series has rows with other labels"):
        strip.colour(SHUFFLED.set_axis(OTHERS), "others")
    assert strip.colour_by == "plain"


def test_maps_in_another_order():
    view = PairHeatmap(DEMO, maps={"mine": SHUFFLED_TABLE})
    np.testing.assert_allclose(decoded(view.upper_map["values"]), MAP, rtol=1e-6)
    with pytest.raises(ValueError, match="the map 'other' has columns with other labels"):
        view.add_map("other", TABLE.set_axis(OTHERS, axis="columns"))
    first, second = StructureView(DEMO), StructureView(DEMO)
    first.show_pairs(MAP, 5)
    second.show_pairs(SHUFFLED_TABLE, 5)
    assert first.pairs == second.pairs != []


def test_nglview_is_handed_colours_in_another_order():
    with pytest.raises(ValueError, match="other labels than 'demo'"):
        to_nglview(DEMO, SHUFFLED.set_axis(OTHERS))


def test_a_map_that_guides_unmasking_may_be_a_table():
    model = ToyModel("labelled guide")
    scan = scan_pairs(DEMO, model)
    scan.wait(quiet=True)
    hidden = range(10, 30)
    options = {"strategy": "pair-guided", "threshold": 0.1}
    want = unmask(DEMO, model, hidden, pairs=scan.values("js_dist"), **options)
    table = scan.matrix("js_dist")
    for given in (table, table.iloc[ORDER, ORDER[::-1]]):
        found = unmask(DEMO, model, hidden, pairs=given, **options)
        np.testing.assert_array_equal(found.plan.dependence, want.plan.dependence)
        assert found.sequence == want.sequence
    with pytest.raises(ValueError, match="pairs= has rows with other labels"):
        unmask(DEMO, model, hidden, pairs=table.set_axis(OTHERS), **options)


@pytest.fixture(scope="module")
def embedded():
    letters = list("ACDEFGHIKLMNPQRSTVWY")
    proteins = [Protein("".join(RANDOM.choice(letters, 12)), f"p{k}") for k in range(20)]
    found = embed(proteins, "demo", pooled=True)
    found.wait(quiet=True)
    return found


def test_labels_of_a_probe_go_by_the_names_of_sequences(embedded):
    numbers = embedded.pooled()[:, 0] + 0.5
    labels = pd.Series(numbers, embedded.names)
    want = fit_probe(embedded, numbers).metrics
    assert fit_probe(embedded, labels.iloc[::-1]).metrics.equals(want)
    groups = pd.Series(np.arange(20) // 2, embedded.names)
    by_group = fit_probe(embedded, numbers, groups=groups.tolist()).metrics
    assert fit_probe(embedded, numbers, groups=groups.iloc[::-1]).metrics.equals(by_group)
    with pytest.raises(ValueError, match=r"Series of labels has rows with other labels.*'q0'"):
        fit_probe(embedded, labels.set_axis([f"q{k}" for k in range(20)]))


def test_numbered_labels_of_a_probe_are_in_the_order_of_the_sequences(embedded):
    # As of a table that was shuffled before its sequences were embedded.
    numbers = embedded.pooled()[:, 0] + 0.5
    shuffled = pd.Series(numbers, RANDOM.permutation(20) + 100)
    assert fit_probe(embedded, shuffled).metrics.equals(fit_probe(embedded, numbers).metrics)


def test_points_are_coloured_by_names_and_labels(embedded):
    values = pd.DataFrame({"mine": np.arange(20.0)}, embedded.names)
    plot = EmbeddingPlot(embedded, colours=values.iloc[::-1])
    plot.colour_by = "mine"
    assert plot.to_pandas()["value"].tolist() == list(range(20))
    one = embed(DEMO, "demo")
    one.wait(quiet=True)
    plot = EmbeddingPlot(one, colours={"mine": SHUFFLED})
    plot.colour_by = "mine"
    np.testing.assert_allclose(plot.to_pandas()["value"], NUMBERS)
