import json
import time

import numpy as np
import pytest
from scipy.stats import entropy
from toy_models import ToyModel

import plmwidgets as plm
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.charts import save_chart
from plmwidgets.comparison import Comparison, compare
from plmwidgets.models.masked_lm import Context, ModelError
from plmwidgets.protein import Protein
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.store import StoreError

DEMO = Protein.demo()
SMALL = Protein("MKTAYIAKQR", name="small")


@pytest.fixture(scope="module")
def both():
    comparison = compare(DEMO, ["demo", "potts-demo"])
    comparison.wait()
    return comparison


def test_each_model_scans_the_protein(both):
    assert list(both.scans) == ["demo", "potts-demo"]
    for name, scan in both.scans.items():
        alone = plm.scan_pairs(DEMO, name)
        alone.wait()
        np.testing.assert_allclose(scan.log_probabilities, alone.log_probabilities, atol=1e-5)
    assert "Comparison of 2 models on 'demo'" in repr(both)
    assert "potts-demo: finished: 2,016 of 2,016 pairs" in repr(both)


def test_the_public_names():
    assert plm.compare is compare
    assert plm.Comparison is Comparison


def test_the_summary_against_its_definitions(both):
    table = both.summary()
    assert list(table.index) == ["demo", "potts-demo"]
    touching = DEMO.contact_map()
    i, j = np.triu_indices(len(DEMO), 6)
    for name, scan in both.scans.items():
        row = table.loc[name]
        single, pairs = (s.log_probabilities.astype(float) for s in (scan.single, scan))
        likeliest = single.argmax(1)
        right = [
            AMINO_ACIDS[k] == letter for k, letter in zip(likeliest, DEMO.sequence, strict=True)
        ]
        assert row["reconstruction_accuracy"] == np.mean(right)
        before = np.exp(entropy(np.exp(single), axis=1))
        after = np.exp(entropy(np.exp(pairs), axis=2))
        assert row["mean_perplexity"] == pytest.approx(before.mean(), rel=1e-5)
        shift = np.nanmax(after - before[:, None], axis=1).mean()
        assert row["mean_max_perplexity_shift"] == pytest.approx(shift, rel=1e-4)
        changed = pairs.argmax(2) != likeliest[:, None]
        np.fill_diagonal(changed, False)
        assert row["argmax_change_positions"] == changed.any(1).sum()
        assert row["argmax_change_share"] == changed.any(1).mean()
        best = np.argsort(-scan.matrix("js_dist_avg").to_numpy()[i, j])
        for label, count in (("L", 64), ("L/2", 32), ("L/5", 12)):
            precision = touching[i, j][best[:count]].mean()
            assert row[f"contact_precision_{label}"] == pytest.approx(precision)
    assert all(kind.kind in "if" for kind in table.dtypes)


def test_without_a_structure_there_is_no_precision():
    comparison = compare(SMALL, [ToyModel("bare")])
    comparison.wait()
    assert not [name for name in comparison.summary() if "contact" in name]
    assert "below the diagonal" not in json.dumps(comparison.maps().to_dict())


def test_the_summary_of_a_running_comparison_has_gaps():
    model = ToyModel("slow", seconds=0.05)
    comparison = compare(SMALL, [model])
    assert comparison.summary().loc["slow", "pairs_total"] == 45
    with pytest.raises(TimeoutError):
        comparison.wait(timeout=0.01)
    comparison.wait()
    assert comparison.summary().loc["slow", "pairs_computed"] == 45
    empty = Comparison([PairScan(SMALL, provenance={"model": "nothing"})])
    figures = empty.summary().loc["nothing"].drop(["pairs_computed", "pairs_total"])
    assert figures.isna().all()
    with pytest.raises(ValueError, match=r"comparison\.wait"):
        empty.chart()


def test_finished_scans_can_be_compared(both, tmp_path):
    for name, scan in both.scans.items():
        scan.save(tmp_path / name)
    bare = [PairScan.load(tmp_path / name) for name in both.scans]
    again = Comparison(bare)
    for column in again.summary():
        np.testing.assert_allclose(again.summary()[column], both.summary()[column])
    assert not again.protein.has_structure
    mixed = Comparison([bare[0], both.scans["potts-demo"]])
    assert mixed.protein.has_structure
    again.wait()  # nothing to wait for


def test_options_reach_every_scan():
    models = [ToyModel("left"), ToyModel("right")]
    comparison = compare(SMALL, models, positions="2-4", precision="reference")
    comparison.wait()
    for scan in comparison.scans.values():
        assert scan.positions == (1, 2, 3)
        assert scan.pairs_computed == 3


def test_each_model_has_a_store_of_its_own(tmp_path):
    models = [ToyModel("lab/one"), ToyModel("lab/two")]
    first = compare(SMALL, models, tmp_path / "stores")
    first.wait()
    assert len(list((tmp_path / "stores").iterdir())) == 2
    calls = [len(model.calls) for model in models]
    second = compare(SMALL, models, tmp_path / "stores")
    second.wait()
    assert [len(model.calls) for model in models] == calls
    for name in first.scans:
        np.testing.assert_array_equal(
            first.scans[name].log_probabilities, second.scans[name].log_probabilities
        )


def test_a_mapping_names_models_that_share_a_name():
    models = {"old": ToyModel("esm", revision="1"), "new": ToyModel("esm", revision="2")}
    comparison = compare(SMALL, models)
    comparison.wait()
    assert list(comparison.summary().index) == ["old", "new"]
    expected = models["old"].expected(Context(SMALL.sequence, (2, 5)))[2]
    np.testing.assert_allclose(comparison.scans["old"].log_probabilities[2, 5], expected, rtol=1e-6)


def test_comparisons_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        compare(SMALL, [])
    with pytest.raises(TypeError, match="a list of models"):
        compare(SMALL, "demo")
    with pytest.raises(TypeError, match="a list of models"):
        compare(SMALL, ToyModel())
    with pytest.raises(ValueError, match=r"two models are called 'toy'.*names of their own"):
        compare(SMALL, [ToyModel(revision="1"), ToyModel(revision="2")])
    with pytest.raises(ValueError, match="no scan"):
        Comparison([])
    other = Protein("MKTAYIAKQA", name="other")
    with pytest.raises(ValueError, match="different proteins, 'small' and 'other'"):
        Comparison({"a": PairScan(SMALL), "b": PairScan(other)})


def test_a_comparison_that_cannot_start_leaves_nothing_running():
    model = ToyModel("patient", seconds=0.05)
    with pytest.raises(ModelError, match="no superposed pass"):
        compare(SMALL, [model], method="superposed")
    with pytest.raises(ModelError):
        compare(SMALL, [model, "potts-demo"])  # which takes its own family's length alone
    with pytest.raises(TypeError, match="speed"):
        compare(SMALL, [model], speed=2)
    assert not model.calls


def test_scans_that_have_started_are_cancelled_when_one_cannot(tmp_path):
    models = [ToyModel("able", seconds=0.05), ToyModel("barred", seconds=0.05)]
    (tmp_path / "barred.zarr").write_text("no folder")
    with pytest.raises(StoreError):
        compare(SMALL, models, tmp_path)
    time.sleep(0.5)  # the slice in hand is still done
    calls = len(models[0].calls)
    time.sleep(0.5)
    assert len(models[0].calls) == calls
    assert PairScan.load(tmp_path / "able.zarr").pairs_computed < 45


def test_an_unknown_metric_is_refused(both):
    with pytest.raises(ValueError, match="Did you mean 'js_dist_avg'"):
        both.maps("js_dist_av")


def test_the_maps_are_the_scans(both):
    spec = both.maps().to_dict()
    for panel, scan in zip(spec["concat"], both.scans.values(), strict=True):
        source = panel["layer"][0]["data"]
        rows = source["values"] if "values" in source else spec["datasets"][source["name"]]
        drawn = np.array([row["value"] for row in rows], dtype=float)
        upper = np.triu_indices(len(DEMO), 1)
        expected = scan.matrix("js_dist_avg").to_numpy()[upper]
        np.testing.assert_allclose(drawn[upper], expected, rtol=6e-5)
        assert np.isnan(drawn[np.tril_indices(len(DEMO))]).all()


def test_the_chart_links_its_panels(both, tmp_path, recwarn):
    chart = both.chart()
    spec = chart.to_dict()
    assert not recwarn.list
    (chosen,) = spec["params"]
    assert chosen["select"]["fields"] == ["model"]
    assert len(spec["concat"]) == 7
    assert {panel["layer"][-1]["name"] for panel in spec["concat"]} <= set(chosen["views"])
    table = both.summary()
    panel = spec["concat"][1]["layer"][0]
    source = spec["concat"][1].get("data", panel.get("data"))
    rows = source["values"] if "values" in source else spec["datasets"][source["name"]]
    assert {r["model"]: r["value"] for r in rows} == table["mean_perplexity"].to_dict()
    save_chart(chart, tmp_path / "chart.svg")
    assert "potts-demo" in (tmp_path / "chart.svg").read_text(encoding="utf-8")
