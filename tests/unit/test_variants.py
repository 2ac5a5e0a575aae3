"""Scores of given variants, their fills and epistasis, and the lists that they come in."""

import itertools
from concurrent.futures import Future

import numpy as np
import pandas as pd
import pytest
from structure_inputs import peptide, write_atoms
from toy_models import ToyModel
from view_tools import SEQUENCE

from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.mutations import variants
from plmwidgets.methods.mutations.scores import mutation_scores
from plmwidgets.methods.mutations.variant_lists import VariantError, read_table
from plmwidgets.methods.mutations.variants import epistasis, score_variants
from plmwidgets.models.masked_lm import Context
from plmwidgets.protein import Protein
from plmwidgets.scan.start import prepare_pairs, scan_pairs, scan_singles

PROTEIN = Protein(SEQUENCE, name="toy")
VARIANTS = ["K2W", "M1A:A7G:Q9P", "T3S:A4G", "K2K", "A4G:T3S"]
CHANGES = [{1: "W"}, {0: "A", 6: "G", 8: "P"}, {2: "S", 3: "G"}, {}, {2: "S", 3: "G"}]


def by_hand(model, changes, fill):
    total = 0.0
    for site, letter in changes.items():
        others = {s: a for s, a in changes.items() if s != site}
        context = {
            "mask": Context.of(SEQUENCE, changes),
            "wt": Context.of(SEQUENCE, [site]),
            "mutant": Context.of(SEQUENCE, [site], others),
        }[fill]
        row = model.expected(context)[site].astype(float)
        total += row[AMINO_ACIDS.index(letter)] - row[AMINO_ACIDS.index(SEQUENCE[site])]
    return total


@pytest.mark.parametrize("fill", ["mask", "wt", "mutant"])
def test_variants_equal_a_plain_loop(fill):
    model = ToyModel(f"variants {fill}")
    table = score_variants(PROTEIN, model, VARIANTS, fill)
    assert list(table["variant"]) == VARIANTS
    assert list(table["substitutions"]) == [1, 3, 2, 0, 2]
    want = [by_hand(model, changes, fill) for changes in CHANGES]
    np.testing.assert_allclose(table["score"], want, atol=1e-6)
    asked = [context for call in model.calls for context in call]
    assert len(asked) == len(set(asked)), "each context once"


def test_epistasis_is_what_its_formulas_say():
    model = ToyModel("epistasis")
    table = epistasis(PROTEIN, model, VARIANTS)
    a, m, j = (
        np.array([by_hand(model, changes, fill) for changes in CHANGES])
        for fill in ("wt", "mutant", "mask")
    )
    for column, want in {
        "additive": a,
        "mutant_given_others": m,
        "joint": j,
        "epistasis": (m - a) / 2,
        "joint_shift": j - a,
    }.items():
        np.testing.assert_allclose(table[column], want, atol=1e-6)
    assert table["epistasis"][0] == table["joint_shift"][0] == 0  # of a single substitution


def test_a_pair_scan_gives_single_and_double_variants_without_a_pass():
    model = ToyModel("scanned")
    scan = scan_pairs(PROTEIN, model)
    scan.wait(30)
    model.calls.clear()
    names = ["K2W", "T3S:A4G", "M1A:Q22P"]
    table = score_variants(PROTEIN, None, names, "mask", scan=scan)
    double = scan.log_probabilities.astype(float)
    want = sum(
        double[i, j, AMINO_ACIDS.index(a)] - double[i, j, AMINO_ACIDS.index(SEQUENCE[i])]
        for i, j, a in ((2, 3, "S"), (3, 2, "G"))
    )
    assert table["score"][1] == pytest.approx(want, abs=1e-9)
    assert model.calls == []
    np.testing.assert_allclose(
        table["score"], score_variants(PROTEIN, model, names)["score"], atol=1e-6
    )
    with pytest.raises(ValueError, match="lacks 1 of the 1 contexts"):
        score_variants(PROTEIN, None, "M1A:A7G:Q9P", scan=scan)


def test_what_a_scan_lacks_is_computed():
    model = ToyModel("lacks")
    scan = prepare_pairs(PROTEIN, model)
    scan.single = scan_singles(PROTEIN, model)
    model.calls.clear()
    table = epistasis(PROTEIN, model, "T3S:A4G", scan=scan)
    assert table["joint"][0] == pytest.approx(by_hand(model, CHANGES[2], "mask"), abs=1e-6)
    asked = {context for call in model.calls for context in call}
    assert asked == {
        Context(SEQUENCE, (2, 3)),
        Context(SEQUENCE, (2,), ((3, "G"),)),
        Context(SEQUENCE, (3,), ((2, "S"),)),
    }


def test_single_substitutions_are_the_masked_scores():
    model = ToyModel("same")
    scores = mutation_scores(PROTEIN, model).to_pandas()
    some = scores.iloc[::37]
    table = score_variants(PROTEIN, model, some["variant"])
    np.testing.assert_allclose(table["score"], some["llr"], atol=1e-6)


def test_a_table_keeps_its_columns(tmp_path):
    model = ToyModel("columns")
    frame = pd.DataFrame({"mutant": VARIANTS[:3], "DMS_score": [0.1, 0.2, 0.3]})
    want = score_variants(PROTEIN, model, VARIANTS[:3])["score"]
    for path, options in (("v.csv", {}), ("v.csv.gz", {}), ("v.tsv", {"sep": "\t"})):
        frame.to_csv(tmp_path / path, index=False, **options)
        for source in (tmp_path / path, str(tmp_path / path)):
            table = score_variants(PROTEIN, model, source)
            assert list(table) == ["mutant", "DMS_score", "substitutions", "score"]
            np.testing.assert_allclose(table["score"], want)
    named = frame.rename(columns={"mutant": "what"})
    with pytest.raises(ValueError, match=r"columns are 'what', 'DMS_score': .*variant_column="):
        score_variants(PROTEIN, model, named)
    table = score_variants(PROTEIN, model, named, variant_column="what")
    np.testing.assert_allclose(table["score"], want)
    numbered = pd.DataFrame([[name, k] for k, name in enumerate(VARIANTS[:3])])
    table = score_variants(PROTEIN, model, numbered, variant_column=0)
    np.testing.assert_allclose(table["score"], want)
    with pytest.raises(ValueError, match="no column 'that'"):
        score_variants(PROTEIN, model, named, variant_column="that")


@pytest.mark.parametrize("verb", [score_variants, epistasis])
def test_an_interrupted_call_takes_its_passes_back(monkeypatch, verb):
    class Interrupted(Future):
        def result(self, timeout=None):
            raise KeyboardInterrupt

    asked = []

    class Service:
        def submit(self, *_, **__):
            asked.append(Interrupted())
            return asked[-1]

    monkeypatch.setattr(variants, "service_for", lambda model: Service())
    with pytest.raises(KeyboardInterrupt):
        verb(PROTEIN, ToyModel("interrupted"), VARIANTS)
    (future,) = asked
    assert future.cancelled()


def test_columns_of_a_table_are_never_replaced():
    model = ToyModel("taken")
    frame = pd.DataFrame({"mutant": ["K2W"], "score": [0.5], "joint": [1.0], "substitutions": [9]})
    with pytest.raises(ValueError, match=r"called 'substitutions', 'score' already.*rename"):
        score_variants(PROTEIN, model, frame)
    with pytest.raises(ValueError, match=r"called 'substitutions', 'joint' already.*rename"):
        epistasis(PROTEIN, model, frame)
    assert model.calls == []
    renamed = frame.rename(columns={"score": "measured", "substitutions": "n"})
    assert score_variants(PROTEIN, model, renamed)["measured"].tolist() == [0.5]
    assert frame["score"].tolist() == [0.5]


def test_numbers_count_along_the_chain_or_along_the_sequence(tmp_path):
    write_atoms(tmp_path / "moved.cif", peptide("MKTAY", numbers=range(101, 106)))
    protein = Protein.from_file(tmp_path / "moved.cif")
    model = ToyModel("numbering")
    for verb in (score_variants, epistasis):
        chain = verb(protein, model, ["M101A:K102W"])
        sequence = verb(protein, model, ["M1A:K2W"], numbering="sequence")
        assert list(sequence["variant"]) == ["M1A:K2W"]
        pd.testing.assert_frame_equal(sequence.iloc[:, 1:], chain.iloc[:, 1:])
        with pytest.raises(VariantError, match="fit with numbering='sequence'"):
            verb(protein, model, ["M1A:K2W"])
        with pytest.raises(ValueError, match="unknown numbering 'file'"):
            verb(protein, model, ["M1A"], numbering="file")


def test_what_does_not_fit_is_named():
    model = ToyModel("fit")
    wrong = ["K2W", "A2W", "nonsense", "K99W", "K2B", "K2W:K2A", "Q2W", ""]
    with pytest.raises(VariantError) as caught:
        score_variants(PROTEIN, model, wrong)
    problems = caught.value.problems
    assert len(problems) == 7
    assert problems[0] == "variant 2: 'A2W' names A at 2, but that residue is K2"
    assert problems[-1] == "variant 8 names no variant"
    assert "and 2 more" in str(caught.value)
    assert "nonsense" in str(caught.value)
    assert model.calls == []
    with pytest.raises(ValueError, match="at least one"):
        score_variants(PROTEIN, model, [])
    with pytest.raises(TypeError, match="variants are text"):
        score_variants(PROTEIN, model, [3])
    for none in (None, 5):
        with pytest.raises(TypeError, match=r"variants are text .* not (NoneType|int)"):
            score_variants(PROTEIN, model, none)
    with pytest.raises(ValueError, match="unknown fill 'zero'"):
        score_variants(PROTEIN, model, "K2W", "zero")
    with pytest.raises(TypeError, match="give a model"):
        score_variants(PROTEIN, None, "K2W")


def test_a_residue_that_is_none_of_the_twenty_gives_no_score():
    table = score_variants(Protein("MKXAY"), ToyModel("x"), ["X3A", "K2W"])
    assert np.isnan(table["score"][0]) and np.isfinite(table["score"][1])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("e.csv", b"", "is empty"),
        ("h.csv", b"mutant,score\n", "has no rows"),
        ("b.csv", bytes(range(256)) * 40, "no text"),
        ("u.csv", b"\xff\xfe\xfd" * 300, "no text"),
        ("q.csv", b'mutant,score\n"K2W,1\n' * 3, "cannot be read|row 1"),
        ("r.csv", b"mutant,score\nK2W,1\nK2A,1,2,3\n", "cannot be read as a table"),
        ("n.csv", b"mutant\n\n\n,\nnan\n", "cannot be read|names no variant|row 1"),
        ("g.csv.gz", b"no gzip at all", "g.csv.gz"),
        ("x.xlsx", b"PK", "a table ends in"),
        ("w.csv", ("," * 5000).encode() + b"\n1\n", "no column for the variants"),
        ("s.csv", b"mutant;score\nK2W;1\n", "columns are 'mutant;score'"),
    ],
)
def test_hostile_tables_are_refused_in_words(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        score_variants(PROTEIN, ToyModel("hostile"), path)
    assert len(str(caught.value)) < 3000


def test_a_huge_table_is_read_and_one_beyond_all_measure_is_not(tmp_path, monkeypatch):
    path = tmp_path / "huge.csv"
    rows = "\n".join(f"{SEQUENCE[i]}{i + 1}{a}" for i in range(22) for a in AMINO_ACIDS)
    path.write_text("mutant\n" + "\n".join(itertools.repeat(rows, 100)))
    assert len(read_table(path)) == 44_000
    monkeypatch.setattr("plmwidgets.structure.files.LARGEST", 1000)
    with pytest.raises(ValueError, match=r"huge\.csv"):
        read_table(path)
    with pytest.raises(FileNotFoundError, match="no file"):
        read_table(tmp_path / "none.csv")


def test_the_option_that_is_left_away_has_its_name():
    with pytest.raises(ValueError, match=r"^variant_column= is for tables and files"):
        score_variants(PROTEIN, ToyModel("no table"), VARIANTS[:1], variant_column="x")
