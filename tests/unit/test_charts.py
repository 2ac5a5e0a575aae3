import json
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import cdist, jensenshannon
from scipy.special import log_softmax
from scipy.stats import binned_statistic_2d, entropy

from plmwidgets import charts
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.charts import distance as distance_chart
from plmwidgets.protein import Protein
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.single import SingleScan

DEMO = Protein.demo()


def scan_of(protein, seed=0, model="toy", missing=(0,)):
    rng = np.random.default_rng(seed)
    single = log_softmax(2 * rng.normal(size=(len(protein), 20)), -1)
    pairs = log_softmax(single[:, None] + 0.4 * rng.normal(size=(len(protein),) * 2 + (20,)), -1)
    for position in missing:
        pairs[position, :] = pairs[:, position] = np.nan
    provenance = {"model": model}
    return PairScan(protein, SingleScan(protein, single, provenance), pairs, provenance)


def perplexities(log_p):
    return np.exp(entropy(np.exp(log_p), axis=-1))


def perplexity_change(scan):
    change = (
        perplexities(scan.log_probabilities) - perplexities(scan.single.log_probabilities)[:, None]
    )
    np.fill_diagonal(change, np.nan)
    return change


def js_distance_mean(scan):
    single, pairs = (np.exp(s.log_probabilities) for s in (scan.single, scan))
    one = jensenshannon(np.broadcast_to(single[:, None], pairs.shape), pairs, 2, axis=-1)
    np.fill_diagonal(one, np.nan)
    return (one + one.T) / 2


def records(spec, layer):
    """The data of one layer."""
    source = layer.get("data", spec.get("data"))
    return source["values"] if "values" in source else spec["datasets"][source["name"]]


def matrix_of(spec, layer):
    """The cells that a map layer draws."""
    rows = records(spec, layer)
    assert [row["i"] for row in rows] == list(range(len(rows)))
    return np.array([row["value"] for row in rows], dtype=float)


def triangle(matrix, upper):
    index = np.arange(len(matrix))
    inside = index[:, None] < index if upper else index[:, None] > index
    return np.where(inside, matrix, np.nan)


# Maps


def test_a_map_without_a_structure_is_drawn_whole():
    protein = Protein("MKTAYIAKQR" * 10)  # more pairs than altair takes as a table
    scan = scan_of(protein)
    spec = charts.pair_map(scan, "js_dist_avg").to_dict()
    assert len(spec["layer"]) == 1
    cells = matrix_of(spec, spec["layer"][0])
    assert np.isfinite(cells).sum() == 99 * 98
    np.testing.assert_allclose(cells, js_distance_mean(scan), rtol=6e-5, atol=1e-6)


def test_contacts_lie_below_the_diagonal():
    scan = scan_of(DEMO, missing=())
    spec = charts.js_against_contacts(scan).to_dict()
    above, below = (matrix_of(spec, layer) for layer in spec["layer"])
    np.testing.assert_allclose(above, triangle(js_distance_mean(scan), True), rtol=6e-5, atol=1e-6)
    touching = cdist(DEMO.structure.cb, DEMO.structure.cb) < 8.0
    expected = np.tril(touching, -3)
    np.testing.assert_array_equal(np.nan_to_num(below), expected)


@pytest.mark.parametrize(
    ("lower", "expected"),
    [
        ("distance", lambda scan: cdist(DEMO.structure.cb, DEMO.structure.cb)),
        ("perplexity_change", perplexity_change),
    ],
)
def test_another_map_lies_below_the_diagonal(lower, expected):
    scan = scan_of(DEMO)
    spec = charts.pair_map(scan, lower=lower).to_dict()
    below = matrix_of(spec, spec["layer"][1])
    np.testing.assert_allclose(below, triangle(expected(scan), False), rtol=6e-5, atol=1e-6)
    assert spec["resolve"]["scale"]["color"] == "independent"


def test_inverse_distances_are_between_alpha_carbons():
    spec = charts.pair_map(scan_of(DEMO), lower="inverse_ca_distance").to_dict()
    below = matrix_of(spec, spec["layer"][1])
    rows, columns = np.tril_indices(len(DEMO), -1)
    between = cdist(DEMO.structure.ca, DEMO.structure.ca)[rows, columns]
    np.testing.assert_allclose(below[rows, columns], 1 / between, rtol=6e-5)
    assert spec["layer"][1]["encoding"]["color"]["title"] == "Inverse CA distance (1/Å)"


def test_a_scale_with_a_sign_is_centred_on_zero_and_others_start_there():
    scan = scan_of(DEMO)
    colour = charts.pair_map(scan, "perplexity_change").to_dict()["layer"][0]["encoding"]["color"]
    low, high = colour["scale"]["domain"]
    assert low == -high
    above = triangle(perplexity_change(scan), True)
    assert high == pytest.approx(np.nanquantile(abs(above), 0.995), rel=1e-6)
    assert colour["scale"]["scheme"] == "purpleorange"
    assert colour["scale"]["reverse"], "purple above 0, as in the views"
    colour = charts.pair_map(scan, "js_div").to_dict()["layer"][0]["encoding"]["color"]
    assert colour["scale"]["domain"][0] == 0
    assert not colour["scale"]["reverse"]
    assert colour["title"].endswith("(bits)")


def test_the_axis_shows_round_numbers_of_the_chain():
    protein = Protein("MKTAYIAKQR" * 36 + "MKT")
    spec = charts.pair_map(scan_of(protein, missing=())).to_dict()
    assert spec["layer"][0]["encoding"]["x"]["axis"]["values"] == [49, 99, 149, 199, 249, 299, 349]
    assert spec["width"] == spec["height"] == 363
    assert len(json.dumps(spec)) < 2_000_000  # 131,406 cells


def test_a_map_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="Did you mean 'js_dist'"):
        charts.pair_map(scan_of(DEMO), "js_dst")
    with pytest.raises(ValueError, match=r"no map 'contact'.*contacts, .*distance"):
        charts.pair_map(scan_of(DEMO), lower="contact")
    with pytest.raises(ValueError, match="has no structure"):
        charts.js_against_contacts(scan_of(Protein("MKTAYIAKQR")))


def test_maps_of_models_share_scale_and_crosshair(recwarn):
    scans = [scan_of(DEMO, 1, "first"), scan_of(DEMO, 2, "second")]
    spec = charts.model_maps(scans, "perplexity_change").to_dict()
    assert not recwarn.list
    panels = spec["concat"]
    assert [panel["title"]["text"] for panel in panels] == ["first", "second"]
    domains = [panel["layer"][0]["encoding"]["color"]["scale"]["domain"] for panel in panels]
    top = np.nanquantile(np.abs([perplexity_change(scan) for scan in scans]), 0.995)
    np.testing.assert_allclose(domains, [[-top, top]] * 2, rtol=1e-6)
    for panel, scan in zip(panels, scans, strict=True):
        drawn = matrix_of(spec, panel["layer"][0])
        np.testing.assert_allclose(drawn, perplexity_change(scan), rtol=6e-5, atol=2e-5)
    (crosshair,) = [p for p in spec["params"] if p["name"] == "crosshair"]
    assert crosshair["select"]["fields"] == ["i", "j"]
    assert len(crosshair["views"]) == 2
    assert [layer["mark"]["type"] for layer in panels[0]["layer"][1:]] == ["rule", "rule"]


# Models


def test_reconstruction_accuracy():
    scans = [scan_of(DEMO, seed, f"m{seed}") for seed in range(3)]
    spec = charts.reconstruction_accuracy(scans).to_dict()
    shares = {row["model"]: row["share"] for row in records(spec, spec["layer"][0])}
    for scan in scans:
        likeliest = [AMINO_ACIDS[k] for k in scan.single.log_probabilities.argmax(1)]
        right = np.mean([a == b for a, b in zip(likeliest, DEMO.sequence, strict=True)])
        assert shares[scan.provenance["model"]] == right


def test_argmax_changes():
    scan = scan_of(DEMO, missing=(0, 5))
    spec = charts.argmax_change_bars({"mine": scan}).to_dict()
    (row,) = records(spec, spec["layer"][0])
    single = scan.single.log_probabilities.argmax(1)
    changed = [
        any(
            scan.log_probabilities[i, j].argmax() != single[i]
            for j in range(len(DEMO))
            if i != j and not {i, j} & {0, 5}
        )
        for i in range(len(DEMO))
    ]
    count = sum(changed)
    assert 0 < count < len(DEMO)
    assert row == {"model": "mine", "share": count / 64, "positions": f"{count} of 64"}


def test_perplexities_by_model():
    scans = {"a": scan_of(DEMO, 1), "b": scan_of(DEMO, 2)}
    spec = charts.perplexity_by_model(scans).to_dict()
    rows = records(spec, spec["layer"][0])
    for name, scan in scans.items():
        drawn = [row["perplexity"] for row in rows if row["model"] == name]
        np.testing.assert_allclose(drawn, perplexities(scan.single.log_probabilities), rtol=1e-9)
    assert [row["residue"] for row in rows[:64]] == list(DEMO.residue_labels)


def test_scans_that_do_not_go_together_are_refused():
    scan = scan_of(DEMO)
    with pytest.raises(ValueError, match="no scan"):
        charts.reconstruction_accuracy([])
    with pytest.raises(ValueError, match="called 'toy'"):
        charts.reconstruction_accuracy([scan, scan])
    with pytest.raises(ValueError, match="different proteins, 'demo' and 'other'"):
        charts.perplexity_by_model({"a": scan, "b": scan_of(Protein("MKT", name="other"))})
    with pytest.raises(TypeError, match=r"write \[scan\]"):
        charts.argmax_change_bars(scan)
    with pytest.raises(TypeError, match="not SingleScan"):
        charts.argmax_change_bars([scan.single])


def test_what_is_not_computed_is_left_out():
    empty = PairScan(DEMO)
    scans = {"empty": empty, "full": scan_of(DEMO)}
    spec = charts.reconstruction_accuracy(scans).to_dict()
    assert [row["model"] for row in records(spec, spec["layer"][0])] == ["full"]
    spec = charts.argmax_change_bars(scans).to_dict()
    assert [row["model"] for row in records(spec, spec["layer"][0])] == ["full"]
    assert charts.argmax_change_bars([empty]).to_dict()
    assert charts.perplexity_by_model([empty]).to_dict()
    assert charts.pair_map(empty).to_dict()
    with pytest.raises(ValueError, match="wait"):
        charts.perplexity_change_histogram(empty)
    with pytest.raises(ValueError, match="wait"):
        charts.js_against_distance(empty)


# Histograms


def count_between(rows, values):
    for row in rows:
        inside = (values >= row["from"]) & (values < row["to"])
        assert row["count"] == inside.sum() > 0
    assert sum(row["count"] for row in rows) == len(values)
    widths = np.array([row["to"] - row["from"] for row in rows])
    np.testing.assert_allclose(widths, widths[0])
    edges = np.array([row["from"] for row in rows]) / widths[0]
    np.testing.assert_allclose(edges, np.round(edges), atol=1e-9)  # zero is an edge
    digits = widths[0] / 10 ** np.floor(np.log10(widths[0]))
    assert min(abs(digits - round_one) for round_one in (1, 2, 5, 10)) < 1e-9


def test_histogram_of_perplexity_changes():
    scan = scan_of(DEMO)
    spec = charts.perplexity_change_histogram(scan).to_dict()
    change = perplexity_change(scan)
    count_between(records(spec, spec["layer"][0]), change[np.isfinite(change)])
    assert spec["layer"][0]["encoding"]["y"]["scale"]["type"] == "symlog"


def test_histogram_of_largest_perplexity_changes():
    scan = scan_of(DEMO)
    spec = charts.max_perplexity_change_histogram(scan).to_dict()
    largest = np.nanmax(perplexity_change(scan)[1:], axis=1)  # position 0 has no pair
    count_between(records(spec, spec["layer"][0]), largest)


def test_histogram_of_changes_that_are_all_zero():
    single = np.log(np.full((64, 20), 0.05))
    pairs = np.log(np.full((64, 64, 20), 0.05))
    scan = PairScan(DEMO, SingleScan(DEMO, single), pairs)
    spec = charts.perplexity_change_histogram(scan).to_dict()
    assert sum(row["count"] for row in records(spec, spec["layer"][0])) == 64 * 63


# Distances


def pairs_apart(scan, separation):
    i, j = np.triu_indices(len(DEMO), separation)
    known = (i != 0) & (j != 0)
    between = cdist(DEMO.structure.cb, DEMO.structure.cb)
    i, j = i[known], j[known]
    return i, j, between[i, j], js_distance_mean(scan)[i, j]


@pytest.mark.parametrize("separation", [1, 6])
def test_dependence_against_distance(separation):
    scan = scan_of(DEMO)
    spec = charts.js_against_distance(scan, separation).to_dict()
    rows = records(spec, spec["layer"][0])
    i, j, between, js = pairs_apart(scan, separation)
    np.testing.assert_allclose([row["distance"] for row in rows], between, rtol=1e-6)
    np.testing.assert_allclose([row["js"] for row in rows], js, rtol=1e-6)
    assert rows[-1]["i"] == DEMO.residue_labels[i[-1]]
    assert rows[-1]["j"] == DEMO.residue_labels[j[-1]]
    (line,) = records(spec, spec["layer"][1])
    assert line["at"] == 8.0


def test_many_pairs_are_counted_in_rectangles(monkeypatch):
    monkeypatch.setattr(distance_chart, "_DOTS", 100)
    scan = scan_of(DEMO)
    spec = charts.js_against_distance(scan).to_dict()
    rows = records(spec, spec["layer"][0])
    _, _, between, js = pairs_apart(scan, 6)
    expected = binned_statistic_2d(between, js, None, "count", bins=60).statistic
    np.testing.assert_array_equal([row["pairs"] for row in rows], expected[expected > 0])


def test_distances_need_a_structure():
    with pytest.raises(ValueError, match="has no structure"):
        charts.js_against_distance(scan_of(Protein("MKTAYIAKQR")))


# Files


def test_charts_are_saved(tmp_path):
    chart = charts.reconstruction_accuracy([scan_of(DEMO)])
    for name in ("chart.png", "large.PNG", "chart.svg", "chart.html"):
        charts.save_chart(chart, tmp_path / name, 3.0 if name == "large.PNG" else 1.0)
    with Image.open(tmp_path / "chart.png") as small, Image.open(tmp_path / "large.PNG") as large:
        assert large.width == pytest.approx(3 * small.width, abs=3)
        assert small.format == "PNG"
    drawing = ElementTree.parse(tmp_path / "chart.svg").getroot()
    assert "Reconstruction accuracy" in "".join(drawing.itertext())
    page = (tmp_path / "chart.html").read_text(encoding="utf-8")
    assert "<script src" not in page
    assert "cdn.jsdelivr.net" not in page
    assert "reconstruction" in page.lower()


def test_every_chart_is_valid_and_can_be_drawn(tmp_path):
    scan = scan_of(DEMO)
    figures = [
        charts.pair_map(scan, "pmi", lower="inverse_ca_distance"),
        charts.pair_map(scan, "argmax_change"),
        charts.js_against_contacts(scan),
        charts.js_against_distance(scan),
        charts.perplexity_by_model([scan]),
        charts.perplexity_change_histogram(scan),
        charts.max_perplexity_change_histogram(scan),
        charts.argmax_change_bars([scan]),
        charts.model_maps([scan]),
    ]
    for figure in figures:
        charts.save_chart(figure, tmp_path / "figure.svg")
        drawing = (tmp_path / "figure.svg").read_text(encoding="utf-8")
        assert drawing.count("<path") > 10
        assert "NaN" not in drawing


def test_a_file_of_another_kind_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"end it in \.png, \.svg, \.html"):
        charts.save_chart(charts.reconstruction_accuracy([scan_of(DEMO)]), tmp_path / "chart.docx")


def test_saving_without_the_converter_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(ImportError, match=r"plmwidgets\[lab\]"):
        charts.save_chart(charts.reconstruction_accuracy([scan_of(DEMO)]), tmp_path / "chart.png")
