"""Mutation scores of single substitutions: what they are, the runs that fill them, their files."""

import numpy as np
import pytest
from toy_models import ToyModel
from view_tools import SEQUENCE, wait_for

from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.mutations.run import MutationRun
from plmwidgets.methods.mutations.scores import MutationScores, mutation_scores, prepare_scores
from plmwidgets.metrics import pseudo_log_likelihood
from plmwidgets.models.masked_lm import Context
from plmwidgets.protein import Protein
from plmwidgets.scan.progress import ScanStatus
from plmwidgets.scan.start import prepare_pairs, scan_singles

PROTEIN = Protein(SEQUENCE, name="toy")


def by_hand(model, context):
    """Every LLR by a loop over one context after another."""
    ratios = np.zeros((len(SEQUENCE), 20))
    for i, own in enumerate(SEQUENCE):
        for a, letter in enumerate(AMINO_ACIDS):
            shown = {
                "masked": Context(SEQUENCE, (i,)),
                "wild-type": Context(SEQUENCE),
                "mutant": Context(SEQUENCE, (), ((i, letter),)),
            }[context]
            row = model.expected(shown)[i].astype(float)
            ratios[i, a] = 0 if letter == own else row[a] - row[AMINO_ACIDS.index(own)]
    return ratios


@pytest.mark.filterwarnings("ignore:.*returns only")
@pytest.mark.parametrize("context", ["masked", "wild-type", "mutant"])
def test_scores_equal_a_plain_loop(context):
    model = ToyModel(f"loop {context}")
    scores = mutation_scores(PROTEIN, model, context)
    scores.wait(30)
    np.testing.assert_allclose(scores.log_ratios, by_hand(model, context), atol=1e-6)
    passes = sum(map(len, model.calls))
    assert passes == {"masked": 22, "wild-type": 1, "mutant": 19 * 22}[context]
    assert scores.progress.status is ScanStatus.FINISHED
    assert str(scores.progress.total) in str(scores.progress)


def test_tables_have_labels_and_no_wild_types():
    scores = mutation_scores(PROTEIN, ToyModel("tables"))
    table = scores.to_pandas()
    assert len(table) == 19 * len(SEQUENCE)
    first = table.iloc[0]
    assert (first["variant"], first["position"], first["label"]) == ("M1A", 0, "M1")
    assert (table["wild_type"] != table["replacement"]).all()
    matrix = scores.matrix()
    assert matrix.shape == (22, 20)
    row = table[table["variant"] == "K2W"].iloc[0]
    assert row["llr"] == matrix.loc["K2", "W"]
    assert matrix.loc["K2", "K"] == 0
    residues = scores.per_residue()
    others = matrix.loc["K2"].drop("K")
    assert residues.loc["K2", "mean"] == pytest.approx(others.mean())
    assert residues.loc["K2", "min"] == others.min()
    assert residues.loc["K2", "worst"] == others.idxmin()
    assert repr(scores) == "MutationScores('toy', 22 residues, masked, model 'tables')"


def test_figures_of_the_whole_sequence_keep_their_names():
    model = ToyModel("whole")
    masked = mutation_scores(PROTEIN, model)
    single = scan_singles(PROTEIN, model)
    want = pseudo_log_likelihood(single.log_probabilities, PROTEIN.wild_type)
    assert masked.pseudo_log_likelihood == pytest.approx(want)
    assert masked.pseudo_perplexity == pytest.approx(single.pseudo_perplexity)
    with pytest.warns(UserWarning, match=r"whole returns only \d+% of the residues .* ESM C"):
        seen = mutation_scores(PROTEIN, model, "wild-type")
    every = np.arange(len(SEQUENCE))
    own = model.expected(Context(SEQUENCE))[every, PROTEIN.wild_type]
    assert seen.unmasked_log_likelihood == pytest.approx(own.astype(float).sum())
    with pytest.raises(ValueError, match="context='wild-type'"):
        masked.unmasked_log_likelihood
    with pytest.raises(ValueError, match="context='masked'"):
        seen.pseudo_log_likelihood


def test_a_model_that_copies_what_it_sees_is_not_warned_of(recwarn):
    class Copies(ToyModel):
        def expected(self, context):
            values = np.full((len(context.sequence), 20), np.log(0.1 / 19), np.float32)
            rows = range(len(context.sequence))
            values[rows, [AMINO_ACIDS.index(x) for x in context.residues]] = np.log(0.9)
            return values

    scores = mutation_scores(PROTEIN, Copies("copies"), "wild-type")
    assert scores.share_returned == 1
    assert not recwarn.list


def test_a_scan_gives_masked_scores_without_a_pass():
    model = ToyModel("free")
    single = scan_singles(PROTEIN, model)
    model.calls.clear()
    scores = mutation_scores(PROTEIN, model, scan=single)
    alone = mutation_scores(PROTEIN, scan=single)
    assert model.calls == []
    np.testing.assert_allclose(scores.log_ratios, by_hand(model, "masked"), atol=1e-6)
    np.testing.assert_array_equal(scores.log_ratios, alone.log_ratios)
    assert scores.progress is None


def test_what_a_scan_cannot_give_is_said():
    model = ToyModel("cannot")
    single = scan_singles(PROTEIN, model)
    with pytest.raises(ValueError, match="cannot be read"):
        mutation_scores(PROTEIN, model, "mutant", scan=single)
    with pytest.raises(ValueError, match=r"of the model 'cannot'.*not of 'other'"):
        mutation_scores(PROTEIN, ToyModel("other"), scan=single)
    with pytest.raises(ValueError, match="whose sequence differs"):
        mutation_scores(Protein("MKTW"), model, scan=single)
    with pytest.raises(TypeError, match="needs a model"):
        mutation_scores(PROTEIN)
    with pytest.raises(TypeError, match="not dict"):
        mutation_scores(PROTEIN, model, scan={})
    waiting = prepare_pairs(PROTEIN, model)
    with pytest.raises(ValueError, match="not computed yet"):
        mutation_scores(PROTEIN, scan=waiting)
    assert mutation_scores(PROTEIN, model, scan=waiting).computed.all()
    with pytest.raises(ValueError, match="unknown context 'visible': use one of 'masked'"):
        mutation_scores(PROTEIN, model, "visible")


def test_mutant_scores_are_paused_and_go_on_without_losing_any():
    model = ToyModel("paused", seconds=0.002)
    scores = mutation_scores(PROTEIN, model, "mutant")
    wait_for(lambda: scores.computed.sum() > 0)
    scores.pause()
    scores.wait()
    assert scores.progress.status is ScanStatus.PAUSED
    there = scores.computed
    assert 0 < there.sum() < len(SEQUENCE)
    assert "of them computed" in repr(scores)
    kept = scores.log_ratios[there].copy()
    before = {context for call in model.calls for context in call}
    model.calls.clear()
    scores.resume()
    scores.wait(30)
    np.testing.assert_array_equal(scores.log_ratios[there], kept)
    np.testing.assert_allclose(scores.log_ratios, by_hand(model, "mutant"), atol=1e-6)
    again = [c for call in model.calls for c in call if c in before]
    assert all(not there[context.substitutions[0][0]] for context in again)


@pytest.mark.parametrize("context", ["masked", "mutant"])
def test_half_of_the_scores_are_taken_up_again(tmp_path, context):
    model = ToyModel(f"half {context}")
    half = mutation_scores(PROTEIN, model, context)
    half.wait(30)
    half.log_ratios[5:] = np.nan
    half.save(tmp_path / "half.npz")
    loaded = MutationScores.load(tmp_path / "half.npz")
    ready = prepare_scores(PROTEIN, model, context, known=loaded)
    assert (ready.progress.status, ready.progress.done) == (ScanStatus.PAUSED, 5)
    model.calls.clear()
    scores = mutation_scores(PROTEIN, model, context, known=loaded)
    scores.wait(30)
    np.testing.assert_allclose(scores.log_ratios, by_hand(model, context), atol=1e-6)
    assert sum(map(len, model.calls)) == 17 * (19 if context == "mutant" else 1)
    assert loaded.computed.sum() == 5, "what is taken up is not changed"
    whole = mutation_scores(PROTEIN, model, context, known=scores)
    whole.wait(30)
    assert sum(map(len, model.calls)) == 17 * (19 if context == "mutant" else 1)
    np.testing.assert_array_equal(whole.log_ratios, scores.log_ratios)


def test_known_scores_of_something_else_are_refused():
    model = ToyModel("known")
    known = mutation_scores(PROTEIN, model)
    with pytest.raises(ValueError, match="known scores are masked ones, not mutant"):
        mutation_scores(PROTEIN, model, "mutant", known=known)
    with pytest.raises(ValueError, match=r"of the model 'known'.*not of 'unknown'"):
        mutation_scores(PROTEIN, ToyModel("unknown"), known=known)
    with pytest.raises(ValueError, match=r"known result is of 'toy'.*sequence differs"):
        mutation_scores(Protein("MKTW"), model, known=known)
    with pytest.raises(ValueError, match=r"known result was computed in .*'preview'"):
        mutation_scores(PROTEIN, model, known=in_preview(known), precision="reference")
    with pytest.raises(TypeError, match="takes MutationScores, not str"):
        mutation_scores(PROTEIN, model, known="scores.npz")


def in_preview(result):
    """The same result, as if computed in that precision."""
    result.provenance["identity"]["precision"] = "preview"
    return result


def test_the_precision_of_a_scan_is_not_passed_over():
    model = ToyModel("precise")
    single = scan_singles(PROTEIN, model)
    assert mutation_scores(PROTEIN, model, scan=single, precision="final").computed.all()
    in_preview(single)
    assert mutation_scores(PROTEIN, model, scan=single).computed.all()
    assert mutation_scores(PROTEIN, scan=single, precision="preview").computed.all()
    for asked in (model, None):
        with pytest.raises(ValueError, match="scan was computed in precision 'preview', not 'ref"):
            mutation_scores(PROTEIN, asked, scan=single, precision="reference")


def test_an_interrupted_call_stops_its_run(monkeypatch):
    waited = []

    def interrupted(self, timeout=None, quiet=False):
        waited.append(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(MutationRun, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        mutation_scores(PROTEIN, ToyModel("interrupted", seconds=0.05))
    assert waited[0].status is ScanStatus.CANCELLED


def test_a_failing_model_is_told_of_and_can_go_on():
    model = ToyModel("fails to score mutations")
    model.fails_with = RuntimeError("no such luck")
    with pytest.raises(RuntimeError, match="no such luck"):
        mutation_scores(PROTEIN, model)
    scores = prepare_scores(PROTEIN, model)
    scores.start()
    with pytest.raises(RuntimeError, match="no such luck"):
        scores.wait(10)
    model.fails_with = None
    scores.start()
    scores.wait(10)
    assert scores.computed.all()


def test_a_residue_that_is_none_of_the_twenty_has_no_scores():
    protein = Protein("MKXAY")
    for context in ("masked", "mutant"):
        scores = mutation_scores(protein, ToyModel(f"x {context}"), context)
        scores.wait(10)
        np.testing.assert_array_equal(scores.computed, [True, True, False, True, True])
        residues = scores.per_residue()
        assert np.isnan(residues.loc["X3", "mean"]) and residues.loc["X3", "worst"] == ""
    with pytest.raises(ValueError, match="no residue of"):
        mutation_scores(Protein("XXX"), ToyModel("nothing"))


def test_scores_are_saved_and_read_back(tmp_path):
    scores = mutation_scores(PROTEIN, ToyModel("saved"))
    scores.save(tmp_path / "scores.npz")
    back = MutationScores.load(tmp_path / "scores.npz", PROTEIN)
    np.testing.assert_array_equal(back.log_ratios, scores.log_ratios)
    assert back.pseudo_log_likelihood == scores.pseudo_log_likelihood
    assert (back.context, back.provenance["model"]) == ("masked", "saved")
    assert back.protein is PROTEIN
    text = MutationScores.load(tmp_path / "scores.npz", PROTEIN.sequence.lower())
    assert text.protein == Protein(PROTEIN.sequence)
    with pytest.raises(RuntimeError, match="call mutation_scores"):
        back.start()
    with pytest.raises(ValueError, match="sequence differs"):
        MutationScores.load(tmp_path / "scores.npz", Protein("MKT"))
    with pytest.raises(ValueError, match=r"end scores\.csv in that"):
        scores.save(tmp_path / "scores.csv")
    with pytest.raises(FileNotFoundError, match=r"there is no file 'nothing\.npz' in /"):
        MutationScores.load(tmp_path / "nothing.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["scores.npz"]


def test_files_that_hold_no_scores_are_refused(tmp_path):
    path = tmp_path / "bad.npz"
    scores = mutation_scores(PROTEIN, ToyModel("spoilt"))
    scores.save(path)
    whole = path.read_bytes()
    scores.provenance["identity"] = "no identity"
    scores.save(path, replace=True)
    with pytest.raises(ValueError, match="does not say which model"):
        MutationScores.load(path)
    np.savez(tmp_path / "pickle.npz", log_ratios=np.array([{}], object), description="{}")
    for content in (b"", b"\x00" * 400, whole[:200], (tmp_path / "pickle.npz").read_bytes()):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"bad\.npz holds no mutation scores"):
            MutationScores.load(path)
