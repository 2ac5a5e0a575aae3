"""One protocol for all maps of contacts: the figures against loops, and what it refuses."""

import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from toy_models import ToyModel

from plmwidgets import charts, metrics
from plmwidgets.methods.contacts.evaluation import CUTS, MEASURES, evaluate_contacts
from plmwidgets.models import load_model
from plmwidgets.protein import Protein
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.start import prepare_pairs, scan_pairs

DEMO = Protein.demo()
LENGTH = len(DEMO)
CLASSES = {"all": (6, 99), "local": (3, 5), "short": (6, 11), "medium": (12, 23), "long": (24, 99)}


@pytest.fixture(scope="module")
def maps():
    rng = np.random.default_rng(0)
    near = -DEMO.distance_map()
    noisy = near + rng.normal(scale=8, size=(LENGTH, LENGTH))
    return {"near": near, "noisy": noisy, "random": rng.normal(size=(LENGTH, LENGTH))}


@pytest.fixture(scope="module")
def evaluation(maps):
    return evaluate_contacts(DEMO, maps)


def ranked(scores, nearest, farthest):
    """Pairs (i, j), the best first, by a plain loop."""
    pairs = [
        (-(scores[i, j] + scores[j, i]), i, j)
        for i in range(LENGTH)
        for j in range(i + nearest, min(LENGTH, i + farthest + 1))
    ]
    return [(i, j) for _, i, j in sorted(pairs)]


def test_the_table_against_a_loop(evaluation, maps):
    table = evaluation.table()
    assert list(table.index) == list(maps)
    assert list(table.columns) == [(c, m) for c in CLASSES for m in MEASURES]
    touching = DEMO.contact_map()
    for name, scores in maps.items():
        for separation, between in CLASSES.items():
            hits = np.array([touching[pair] for pair in ranked(scores, *between)])
            row = table.loc[name, separation]
            for cut, part in CUTS.items():
                count = LENGTH // part
                assert row[f"P@{cut}"] == pytest.approx(hits[:count].sum() / count)
            tenths = [tenth * LENGTH // 10 for tenth in range(1, 11)]
            assert row["AUC"] == pytest.approx(np.mean([hits[:n].sum() / n for n in tenths]))
            places = np.flatnonzero(hits) + 1
            assert row["AP"] == pytest.approx(np.mean(np.arange(1, len(places) + 1) / places))


def test_the_tidy_table_says_what_could_be_reached(evaluation):
    tidy = evaluation.to_pandas()
    assert len(tidy) == 3 * 5 * len(MEASURES)
    near = tidy[tidy["map"] == "near"]
    np.testing.assert_allclose(near["value"], near["best_possible"])
    assert (tidy["value"] <= tidy["best_possible"] + 1e-12).all()
    row = tidy[(tidy["separation"] == "long") & (tidy["measure"] == "P@L")].iloc[0]
    touching = np.triu(DEMO.contact_map(), 24).sum()
    assert row["contacts"] == touching
    assert row["best_possible"] == pytest.approx(min(touching, LENGTH) / LENGTH)


def test_curves_and_precisions_by_rank(evaluation):
    by_rank = evaluation.by_rank("medium")
    means = by_rank.groupby("map")["precision"].mean()
    auc = evaluation.table()["medium", "AUC"]
    np.testing.assert_allclose(means[auc.index], auc)
    assert by_rank["pairs"][:10].tolist() == [6, 12, 19, 25, 32, 38, 44, 51, 57, 64]
    curve = evaluation.curve()
    noisy = curve[curve["map"] == "noisy"]
    assert noisy["recall"].iloc[-1] == 1.0
    assert noisy["pairs"].is_monotonic_increasing
    assert np.sum(np.diff(noisy["recall"], prepend=0) * noisy["precision"]) == pytest.approx(
        evaluation.table().loc["noisy", ("all", "AP")]
    )


def test_found_by_one_map_but_not_by_another(evaluation, maps):
    table = evaluation.found_by("near", but_not="noisy", top="L/2")
    near, noisy = (ranked(maps[name], 6, 99) for name in ("near", "noisy"))
    touching = DEMO.contact_map()
    half = LENGTH // 2
    expected = [p for p in near[:half] if p not in noisy[:half] and touching[p]]
    assert 0 < len(expected) < half
    found = list(zip(table["position_i"], table["position_j"], strict=True))
    assert found == expected
    assert table["rank"].tolist() == [near.index(pair) + 1 for pair in expected]
    assert table["other_rank"].tolist() == [noisy.index(pair) + 1 for pair in expected]
    np.testing.assert_allclose(table["distance"], [DEMO.distance_map()[p] for p in expected])
    assert table["contact"].all()
    assert table["label_i"].tolist() == [DEMO.residue_labels[i] for i, _ in expected]

    wrong = evaluation.found_by("noisy", but_not="near", top=20, contacts_only=False)
    pairs = [p for p in noisy[:20] if p not in near[:20]]
    assert list(zip(wrong["position_i"], wrong["position_j"], strict=True)) == pairs
    assert wrong["contact"].tolist() == [bool(touching[pair]) for pair in pairs]
    alone = evaluation.found_by("noisy", top=20, contacts_only=False)
    assert len(alone) == 20 and alone["other_rank"].isna().all()
    assert evaluation.found_by("near", but_not="near").empty


def test_another_truth_and_no_structure(maps):
    truth = np.full((LENGTH, LENGTH), np.nan)
    truth[:40, :40] = DEMO.contact_map()[:40, :40]
    bare = Protein(DEMO.sequence, "bare")
    evaluation = evaluate_contacts(bare, maps["noisy"], truth=truth)
    assert list(evaluation.maps) == ["map"]
    cut = DEMO.contact_map().copy()
    cut[40:] = cut[:, 40:] = np.nan
    expected = metrics.contact_precision(maps["noisy"], cut)
    assert evaluation.table().loc["map", ("all", "P@L")] == pytest.approx(expected)
    table = evaluation.found_by("map")
    assert table["distance"].isna().all()
    assert table["position_j"].max() < 40
    assert np.isnan(evaluation.ranks("map")[3, 50])


def test_planted_contacts_of_the_demo_family():
    """CB < 8 Å at |i - j| >= 3 in the bundled structure: both truths say the same there."""
    planted = load_model("potts-demo").contact_map()
    apart = np.abs(np.subtract.outer(*[np.arange(LENGTH)] * 2))
    np.testing.assert_array_equal(planted, (DEMO.contact_map() == 1) & (apart >= 3))
    near = {"near": -DEMO.distance_map()}
    of_structure = evaluate_contacts(DEMO, near).table()
    of_family = evaluate_contacts(DEMO, near, planted).table()
    pd.testing.assert_frame_equal(of_family, of_structure)


def test_anything_that_has_contacts_is_a_map(maps):
    frame = pd.DataFrame(maps["noisy"])
    frame["contacts"] = 0.0  # a column of that name
    given = SimpleNamespace(contacts=lambda: pd.DataFrame(maps["noisy"]))
    evaluation = evaluate_contacts(DEMO, given)
    assert list(evaluation.maps) == ["SimpleNamespace"]
    direct = evaluate_contacts(DEMO, {"map": frame.iloc[:, :-1]})
    np.testing.assert_array_equal(direct.table().to_numpy(), evaluation.table().to_numpy())


def test_a_scan_is_judged_by_its_contacts():
    scan = scan_pairs(DEMO, load_model("potts-demo"))
    scan.wait()
    contacts = scan.contacts()
    assert list(contacts.index) == list(DEMO.residue_labels)
    np.testing.assert_allclose(contacts, contacts.T)
    evaluation = evaluate_contacts(DEMO, scan)
    expected = metrics.contact_precision(contacts, DEMO.contact_map())
    assert evaluation.table().loc["PairScan", ("all", "P@L")] == pytest.approx(expected)
    mean = scan.values("js_dist_avg")
    np.testing.assert_allclose(contacts, metrics.apc(mean))
    pmi = scan.values("pmi")  # signed: no product of means
    np.testing.assert_allclose(scan.contacts("pmi"), (pmi + pmi.T) / 2)
    with pytest.raises(ValueError, match="order_residual"):
        scan.contacts("order_residual")
    with pytest.raises(ValueError, match="no pair metric"):
        scan.contacts("jsd")


def test_a_superposed_scan_is_judged_whatever_became_of_its_upgrade(tiny_esm2, monkeypatch):
    protein, model = Protein("MKTAYIAKQRQISFVKSHFSRQLE"), load_model(tiny_esm2, device="cpu")
    truth = np.abs(np.subtract.outer(np.arange(24), np.arange(24))) == 7
    options = {"method": "superposed", "replacements": 3, "audit": 10}
    with pytest.raises(RuntimeError, match="is not finished"):
        evaluate_contacts(protein, prepare_pairs(protein, model, **options), truth)
    scan = scan_pairs(protein, model, **options)
    scan.wait(60, quiet=True)
    before = evaluate_contacts(protein, scan, truth).table()

    def fails(*_, **__):
        raise RuntimeError("no")

    monkeypatch.setattr(type(scan._run.service), "submit", fails)
    scan.upgrade()
    with pytest.raises(RuntimeError, match="no"):
        scan.wait(60, quiet=True)
    assert scan.progress.status == "failed"
    pd.testing.assert_frame_equal(evaluate_contacts(protein, scan, truth).table(), before)


def test_work_that_is_not_finished_is_not_judged():
    for scan in (
        prepare_pairs(DEMO, ToyModel("unscanned")),
        PairScan(DEMO, log_probabilities=some_pairs()),
    ):
        with pytest.raises(RuntimeError, match=r"'JS' is not finished .* of 2,016 pairs.*wait\(\)"):
            evaluate_contacts(DEMO, {"JS": scan})


def some_pairs():
    values = np.full((LENGTH, LENGTH, 20), np.nan)
    values[:10, :10] = np.log(1 / 20)
    return values


def test_pairs_without_a_score_are_told_of():
    scan = scan_pairs(DEMO, load_model("potts-demo"), positions=range(32))
    scan.wait(30, quiet=True)
    judged, scored = 58 * 59 // 2, 26 * 27 // 2
    words = rf"'PairScan' has no score at {judged - scored:,} of the {judged:,} .*79\.5%"
    with pytest.warns(UserWarning, match=words) as told:
        evaluate_contacts(DEMO, scan)
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluate_contacts(DEMO, -DEMO.distance_map())


def test_labelled_maps_are_brought_into_order(maps):
    order = np.random.default_rng(2).permutation(LENGTH)
    expected = evaluate_contacts(DEMO, maps["noisy"]).table()
    for labels in (DEMO.residue_labels, range(LENGTH)):
        frame = pd.DataFrame(maps["noisy"], labels, labels).iloc[order, order[::-1]]
        pd.testing.assert_frame_equal(evaluate_contacts(DEMO, {"map": frame}).table(), expected)


def test_what_is_computed_may_be_numbered_otherwise(maps):
    other = Protein(DEMO.sequence, "numbered")
    labels = tuple(f"{letter}{i + 101}" for i, letter in enumerate(DEMO.sequence))
    vars(other)["residue_labels"] = labels
    frame = pd.DataFrame(maps["noisy"], labels, labels)
    given = SimpleNamespace(protein=other, contacts=lambda: frame)
    expected = evaluate_contacts(DEMO, {"map": maps["noisy"]}).table()
    pd.testing.assert_frame_equal(evaluate_contacts(DEMO, {"map": given}).table(), expected)


def test_classes_without_a_contact_cannot_be_measured(maps):
    truth = np.zeros((LENGTH, LENGTH))
    truth[0, 8] = truth[8, 0] = 1
    evaluation = evaluate_contacts(DEMO, maps, truth)
    table = evaluation.table()
    assert table["long"].isna().all(axis=None)
    assert table["short"].notna().all(axis=None)
    with pytest.raises(ValueError, match="'long' is a contact"):
        evaluation.chart("long")
    assert "nan" not in repr(evaluation)


def test_what_cannot_be_evaluated(maps):
    bare = Protein(DEMO.sequence, "bare")
    near, holes = maps["near"], np.full((LENGTH, LENGTH), np.nan)
    cases = [
        ((bare, near), "'bare' has no structure.*with_structure.*truth="),
        ((DEMO, {}), "no map to evaluate"),
        ((DEMO, {" ": near}), "needs a name"),
        ((DEMO, {"cut": near[1:]}), r"map 'cut' has shape \(63, 64\).*must be \(64, 64\)"),
        ((DEMO, {"void": holes}), "map 'void' has no value at any pair.*wait for it"),
        ((DEMO, near, near), "none of these.*distances < 8"),
        ((DEMO, near, np.ones((3, 3))), r"the truth has shape \(3, 3\)"),
        ((DEMO, near, np.triu(np.ones_like(near), 1)), r"says two things.*np\.maximum"),
        ((DEMO, near, holes), "of no pair of demo.*smaller min_separation"),
        ((DEMO, near, None, 64), "of no pair"),
        *(((DEMO, near, None, n), "min_separation=.*at least 1") for n in (0, 2.5, 3.0, True, "6")),
        ((DEMO, {1: near, "1": -near}), "one name, written out: 1, '1'"),
        ((DEMO, pd.DataFrame(near).rename(columns={3: 4})), "columns with other labels"),
        ((DEMO, pd.DataFrame(near).rename(index={3: "X3"})), "rows with other labels.*'X3'.*numpy"),
        ((DEMO, {"other": prepare_pairs(bare.sequence[1:], ToyModel("o"))}), "another protein"),
    ]
    for arguments, words in cases:
        with pytest.raises(ValueError, match=words):
            evaluate_contacts(*arguments)
    with pytest.raises(TypeError, match="map 'word' is str: expected an"):
        evaluate_contacts(DEMO, {"word": "near"})


def test_what_cannot_be_asked(evaluation):
    for ask, words in [
        (lambda: evaluation.found_by("far"), "no map 'far': choose from near, noisy, random"),
        (lambda: evaluation.found_by("near", but_not="far"), "no map 'far'"),
        (lambda: evaluation.found_by("near", top="L/3"), "use one of L, L/2, L/5"),
        (lambda: evaluation.found_by("near", top=5000), r"there are 1,711 pairs"),
        *((lambda n=n: evaluation.found_by("near", top=n), "at least 1") for n in (0, 2.5, None)),
        (lambda: evaluation.curve("far"), "no class of separations 'far'"),
        (lambda: evaluation.by_rank("far"), "all, local, short, medium, long"),
    ]:
        with pytest.raises(ValueError, match=words):
            ask()


def test_its_repr_is_short(evaluation):
    lines = repr(evaluation).splitlines()
    contacts = int(np.triu(DEMO.contact_map(), 6).sum())
    assert lines[0] == (
        f"ContactEvaluation of 'demo': {contacts} contacts among 1,711 pairs at |i - j| >= 6"
    )
    assert lines[1].startswith("  near    P@L ")
    assert len(lines) == 4


def test_the_chart_holds_the_curves(evaluation, tmp_path):
    chart = evaluation.chart("medium")
    spec = chart.to_dict()
    assert [panel["title"]["text"].split()[0] for panel in spec["concat"]] == ["Precision"] * 2
    names = {"near", "noisy", "random"}
    ranks, recalls = (
        [layer for layer in panel["layer"] if "color" in layer["encoding"]]
        for panel in spec["concat"]
    )
    by_rank = evaluation.by_rank("medium")
    drawn = pd.DataFrame(_values(spec, ranks[0]))
    np.testing.assert_allclose(drawn["precision"], by_rank["precision"])
    curve = pd.DataFrame(_values(spec, recalls[0]))
    assert set(curve["map"]) == set(drawn["map"]) == names
    whole = dict(list(evaluation.curve("medium").groupby("map")))
    for name, part in curve.groupby("map"):
        full = whole[name]
        assert part["recall"].max() == full["recall"].max() == 1.0
        assert set(part["pairs"]) <= set(full["pairs"])
    charts.save_chart(chart, tmp_path / "contacts.png")
    with Image.open(tmp_path / "contacts.png") as picture:
        assert picture.width > 1200


def test_a_long_curve_is_thinned_and_names_stay_text():
    length = 120
    rng = np.random.default_rng(4)
    protein = Protein("A" * length)
    truth = np.triu(rng.random((length, length)) < 0.5, 1)
    name = "<b></script>"
    evaluation = evaluate_contacts(protein, {name: rng.random((length, length))}, truth | truth.T)
    assert len(evaluation.curve()) > 6000
    spec = evaluation.chart().to_dict()
    layer = next(part for part in spec["concat"][1]["layer"] if "color" in part["encoding"])
    drawn = _values(spec, layer)
    assert 200 < len(drawn) <= 300
    assert "</script>" not in str(spec)


def _values(spec, layer):
    source = layer["data"]
    return source["values"] if "values" in source else spec["datasets"][source["name"]]
