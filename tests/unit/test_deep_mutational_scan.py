"""Experiments read from tables, with all their faults, and compared with scores."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from structure_inputs import peptide, write_atoms
from toy_models import ToyModel
from view_tools import SEQUENCE

from plmwidgets.charts import mutations as charts
from plmwidgets.methods.mutations.deep_mutational_scan import DeepMutationalScan, load_dms
from plmwidgets.methods.mutations.scores import mutation_scores
from plmwidgets.methods.mutations.variant_lists import VariantError
from plmwidgets.methods.mutations.variants import score_variants
from plmwidgets.protein import Protein

PROTEIN = Protein(SEQUENCE, name="toy")
BY_HAND = """mutant,mutated_sequence,DMS_score,DMS_score_bin
M1A,AKTAYIAKQRQISFVKSHFSRQ,0.5,1
K2W,MWTAYIAKQRQISFVKSHFSRQ,-1.5,0
K2A,MATAYIAKQRQISFVKSHFSRQ,-0.5,0
T3S:A4G,MKSGYIAKQRQISFVKSHFSRQ,-2.0,0
Q22P,MKTAYIAKQRQISFVKSHFSRP,1.0,1
"""


@pytest.fixture
def dms(tmp_path):
    (tmp_path / "TOY_2026.csv").write_text(BY_HAND)
    return load_dms(tmp_path / "TOY_2026.csv", PROTEIN)


def test_a_file_of_proteingym_is_read(dms):
    assert repr(dms) == (
        "DeepMutationalScan('TOY_2026' of 'toy': 5 variants (1 of several substitutions))"
    )
    table = dms.table()
    assert list(table["variant"]) == ["M1A", "K2W", "K2A", "T3S:A4G", "Q22P"]
    assert list(table["measured"]) == [0.5, -1.5, -0.5, -2.0, 1.0]
    assert table["position"][1] == 1 and table["replacement"][1] == "W"
    assert table["position"].isna().tolist() == [False, False, False, True, False]
    matrix = dms.matrix()
    assert matrix.loc["K2", "W"] == -1.5
    assert matrix.notna().to_numpy().sum() == 4


def test_it_is_compared_by_ranks(dms):
    model = ToyModel("dms")
    scores = mutation_scores(PROTEIN, model)
    comparison = dms.compare(scores)
    matrix = scores.matrix()
    predicted = [
        matrix.loc["M1", "A"],
        matrix.loc["K2", "W"],
        matrix.loc["K2", "A"],
        matrix.loc["T3", "S"] + matrix.loc["A4", "G"],
        matrix.loc["Q22", "P"],
    ]
    np.testing.assert_allclose(comparison.table["predicted"], predicted)
    want = spearmanr(dms.scores, predicted).statistic
    assert comparison.spearman == pytest.approx(want)
    assert comparison.n == 5
    # Bonett and Wright (2000), with the numbers put in by hand
    half = 1.959964 * np.sqrt((1 + want**2 / 2) / 2)
    low, high = np.tanh(np.arctanh(want) - half), np.tanh(np.arctanh(want) + half)
    assert comparison.interval == pytest.approx((low, high), abs=1e-5)
    assert "n = 5, LLR, masked (nats)" in repr(comparison)
    table = score_variants(PROTEIN, model, reversed(dms.variants), "wt")
    assert dms.compare(table).spearman == pytest.approx(want)
    assert dms.compare(predicted).spearman == pytest.approx(want)
    assert dms.compare(table[table["variant"] != "M1A"]).n == 4


def test_the_interval_covers_what_it_should():
    """95 of 100 intervals hold the truth: of normal numbers, Spearman is 6/pi asin(r/2)."""
    random, covered, rounds, r = np.random.default_rng(0), 0, 300, 0.6
    truth = 6 / np.pi * np.arcsin(r / 2)
    variants = [f"{SEQUENCE[i]}{i + 1}{a}" for i in range(22) for a in "CDEG" if a != SEQUENCE[i]]
    for _ in range(rounds):
        x, noise = random.normal(size=(2, len(variants)))
        table = pd.DataFrame({"variant": variants, "score": r * x + np.sqrt(1 - r**2) * noise})
        low, high = load_dms(table, PROTEIN).compare(x).interval
        covered += low <= truth <= high
    assert 0.91 < covered / rounds < 0.985


def test_what_cannot_be_compared_is_said(dms):
    with pytest.raises(ValueError, match="5 variants, so scores must have shape"):
        dms.compare([1, 2])
    with pytest.raises(ValueError, match="no variant of the experiment has a score"):
        dms.compare([np.nan] * 5)
    with pytest.raises(ValueError, match="sequence differs"):
        dms.compare(mutation_scores(Protein("MKT"), ToyModel("another")))
    with pytest.raises(ValueError, match="no column 'score'"):
        dms.compare(pd.DataFrame({"variant": ["K2W"]}))
    for no_scores in ("x", "scores.csv", ["low", "high"], {"K2W": 1.0}):
        with pytest.raises(TypeError, match=r"not this (str|list|dict): read a file with"):
            dms.compare(no_scores)
    bad = pd.DataFrame({"variant": ["K2W", "A2W", "K2A"], "score": [1.0, 1.0, "high"]})
    with pytest.raises(VariantError, match=r"the table of scores: row 2: 'A2W' names A") as caught:
        dms.compare(bad)
    assert caught.value.problems[1] == "row 3: the score 'high' is no finite number"
    assert np.isnan(dms.compare([1.0] * 5).spearman)
    assert np.isnan(dms.compare([1, 2, np.nan, np.nan, np.nan]).interval).all()


def test_repeats_are_averaged_and_what_says_nothing_is_left_out_and_counted():
    table = pd.DataFrame(
        {
            "mutant": ["K2W", "T3S:A4G", "K2W", "A4G:T3S", "K2K", "M1A", "Q22P"],
            "score": [1.0, 2.0, 3.0, 6.0, 0.0, None, 5.0],
        }
    )
    with pytest.warns(UserWarning, match="^repeats has") as told:
        dms = load_dms(table, PROTEIN, name="repeats")
    words = sorted(str(w.message) for w in told)
    assert words == [
        "repeats has 1 variant that change nothing (synonymous): they are left out",
        "repeats has 1 variant without a score: they are left out",
        "repeats has 2 variants measured several times: their scores are averaged",
    ]
    assert dict(zip(dms.variants, dms.scores, strict=True)) == {
        "K2W": 2.0,
        "T3S:A4G": 4.0,
        "Q22P": 5.0,
    }


def test_every_problem_of_a_file_is_listed_with_its_row(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text(
        "variant,fitness\nK2W,1\nA2W,1\nK2A,high\nK200A,1\n,1\nM1A,inf\nnonsense,1\nM1?,2\n"
    )
    with pytest.raises(VariantError) as caught:
        load_dms(path, PROTEIN)
    problems = caught.value.problems
    assert [text.split(":")[0].split(" names")[0] for text in problems] == [
        f"row {k}" for k in range(2, 9)
    ]
    assert problems[0] == "row 2: 'A2W' names A at 2, but that residue is K2"
    assert problems[1] == "row 3: the score 'high' is no finite number"
    assert "numbered 1 to 22" in problems[2]
    assert str(caught.value).startswith("bad.csv: row 2")
    assert "and 2 more" in str(caught.value)


def test_columns_are_found_or_asked_for():
    frame = pd.DataFrame({"Mutation": ["K2W"], "FITNESS": [1.0]})
    assert load_dms(frame, PROTEIN).scores.tolist() == [1.0]
    other = pd.DataFrame({"what": ["K2W"], "how": [1.0]})
    with pytest.raises(ValueError, match=r"columns are 'what', 'how'.*variant_column="):
        load_dms(other, PROTEIN)
    with pytest.raises(ValueError, match="score_column="):
        load_dms(other, PROTEIN, variant_column="what")
    found = load_dms(other, PROTEIN, variant_column="what", score_column="how")
    assert found.variants == ("K2W",)
    twice = pd.DataFrame([["K2W", "W", 1.0]], columns=["mutant", "mutant", "score"])
    with pytest.raises(ValueError, match="several columns called 'mutant'"):
        load_dms(twice, PROTEIN)
    with pytest.raises(ValueError, match="unknown numbering"):
        load_dms(frame, PROTEIN, numbering="file")
    numbered = pd.DataFrame([["K2W", 1.0]])
    found = load_dms(numbered, PROTEIN, variant_column=0, score_column=1)
    assert found.variants == ("K2W",)
    with pytest.raises(ValueError, match="no column 2"):
        load_dms(numbered, PROTEIN, variant_column=2)
    with pytest.raises(TypeError, match=r"a file .* or a table, not int"):
        load_dms(5, PROTEIN)
    with pytest.raises(ValueError, match="holds no variant with a score"):
        load_dms(pd.DataFrame({"mutant": [], "score": []}), PROTEIN)


def test_numbers_of_the_sequence_are_told_from_those_of_the_chain(tmp_path):
    write_atoms(tmp_path / "moved.cif", peptide("MKTAY", numbers=range(101, 106)))
    protein = Protein.from_file(tmp_path / "moved.cif")
    first, last = protein.sequence[0], protein.sequence[-1]
    assert protein.residue_labels[0] == f"{first}101"
    table = pd.DataFrame({"mutant": [f"{first}1W", f"{last}{len(protein)}W"], "score": [1, 2]})
    with pytest.raises(VariantError, match="fit with numbering='sequence'"):
        load_dms(table, protein)
    dms = load_dms(table, protein, numbering="sequence")
    assert dms.variants[0] == f"{first}101W"
    assert dms.matrix().iloc[0]["W"] == 1


def test_a_table_of_scores_is_read_in_the_numbering_of_the_experiment(tmp_path):
    # Read in the chain's numbers, every variant would be one of the next residue but one.
    write_atoms(tmp_path / "same.cif", peptide("AAAAAAKA", numbers=range(3, 11)))
    protein = Protein.from_file(tmp_path / "same.cif")
    assert protein.sequence == "AAAAAAKA" and protein.residue_labels[0] == "A3"
    table = pd.DataFrame({"mutant": [f"A{k}W" for k in range(3, 7)], "DMS_score": [3, 1, 2, 4]})
    dms = load_dms(table, protein, numbering="sequence")
    assert dms.numbering == "sequence" and dms.variants[0] == "A5W"
    scores = table.rename(columns={"DMS_score": "score"})
    assert dms.compare(scores).spearman == pytest.approx(1)
    assert dms.compare(scores).n == 4
    model = ToyModel("numbers")
    ours = score_variants(protein, model, dms.variants)
    theirs = score_variants(protein, model, table["mutant"], numbering="sequence")
    np.testing.assert_array_equal(ours["score"], theirs["score"])
    one = dms.compare(ours, numbering="chain").table
    pd.testing.assert_frame_equal(one, dms.compare(theirs).table)
    assert "n = 4" in json.dumps(dms.chart(ours, numbering="chain").to_dict())
    beyond = pd.DataFrame({"variant": ["A3W", "A10W"], "score": [1.0, 2.0]})
    with pytest.raises(VariantError, match="fit with numbering='chain'"):
        dms.compare(beyond)
    with pytest.raises(ValueError, match="unknown numbering 'file'"):
        dms.compare(scores, numbering="file")


def test_a_series_is_read_by_its_variants(dms):
    measured = dms.table().set_index("variant")["measured"]
    assert dms.compare(measured.iloc[::-1]).spearman == pytest.approx(1)
    assert dms.compare(measured.iloc[1:]).n == 4
    assert dms.compare(dms.table()["measured"]).spearman == pytest.approx(1)
    with pytest.raises(ValueError, match="numbered, but not from 0 to 4: index them by variant"):
        dms.compare(dms.table()["measured"].iloc[::-1])
    with pytest.raises(VariantError, match="W2K"):
        dms.compare(measured.rename({"K2W": "W2K"}))


def test_a_matrix_of_scores_is_told_what_to_give_instead(dms):
    with pytest.raises(ValueError, match="give the MutationScores themselves") as caught:
        dms.compare(dms.matrix())
    assert "variant_column" not in str(caught.value)
    assert "(one called variant, mutant, mutation, mutations, variants)" in str(caught.value)


def test_substitutions_are_of_the_protein():
    def made(*changes):
        return DeepMutationalScan(PROTEIN, ["x"], [changes], [1.0])

    assert made((21, "A")).matrix().loc["Q22", "A"] == 1.0
    for outside in (99, 22, -1, 1.5):
        with pytest.raises(IndexError, match=r"out of range: .* from 0 to 21"):
            made((0, "A"), (outside, "A"))
    with pytest.raises(ValueError, match="'X' is none of the amino acids"):
        made((0, "X"))


def test_scores_given_several_times_are_averaged_and_counted(dms):
    table = pd.DataFrame(
        {"variant": ["K2W", "T3S:A4G", "A4G:T3S", "K2K"], "score": [1.0, 2.0, 4.0, 0.0]}
    )
    with pytest.warns(UserWarning, match="table of scores has 1 variant given several times"):
        compared = dms.compare(table).table
    assert dict(zip(compared["variant"], compared["predicted"], strict=True)) == {
        "K2W": 1.0,
        "T3S:A4G": 3.0,
    }


def test_the_chart_holds_what_was_compared(dms):
    scores = mutation_scores(PROTEIN, ToyModel("chart"))
    comparison = dms.compare(scores)
    spec = json.loads(dms.chart(scores).to_json())
    held = [spec["datasets"][panel["data"]["name"]] for panel in spec["hconcat"]]
    points = held[0]
    assert [point["variant"] for point in points] == list(dms.variants)
    assert [point["measured"] for point in points] == list(dms.scores)
    assert points[3]["residue"] == "several" and points[3]["position"] is None
    assert len(held[1]) == 4
    assert f"{comparison.spearman:.3f}" in spec["title"]["subtitle"]


@pytest.mark.parametrize(("most", "drawn_multiples"), [(30, 10), (15, 0), (60, 40)])
def test_the_chart_thins_multiple_substitutions_alone(monkeypatch, most, drawn_multiples):
    monkeypatch.setattr(charts, "MOST_POINTS", most)
    singles = [f"{SEQUENCE[i]}{i + 1}{a}" for i in range(4) for a in "CDEFH"]
    multiples = [f"{SEQUENCE[i]}{i + 1}W:Q22{a}" for i in range(8) for a in "CDEFH"]
    names = singles + multiples
    table = pd.DataFrame({"mutant": names, "score": np.arange(60.0)})
    dms = load_dms(table, PROTEIN)
    spec = json.loads(dms.chart(np.arange(60.0)).to_json())
    points, residues = (spec["datasets"][panel["data"]["name"]] for panel in spec["hconcat"])
    assert [point["variant"] for point in residues] == singles
    assert len(points) == 20 + drawn_multiples
    told = f"; {20 + drawn_multiples} of them drawn" in spec["title"]["subtitle"]
    assert told == (drawn_multiples < 40)
