"""Single and pair results: what they hold, how they are exported."""

import json
import threading
from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest
import xarray
from result_tools import LENGTH, PROVENANCE, SEQUENCE, half_of, log_probabilities, scan_of
from scipy.spatial.distance import jensenshannon
from scipy.special import log_softmax
from scipy.stats import entropy

from plmwidgets import metrics
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.protein import Protein
from plmwidgets.scan.origin import Origin
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.single import SingleScan

PAIR_COLUMNS = [
    *("position_i", "position_j", "amino_acid_i", "amino_acid_j"),
    *("most_probable_i_i", "most_probable_i_ij", "most_probable_j_j", "most_probable_j_ij"),
    *("perplex_i_i", "perplex_i_ij", "perplex_j_j", "perplex_j_ij"),
    *("js_div_i", "js_div_j", "js_div_avg", "js_dist_i", "js_dist_j", "js_dist_avg", "origin"),
]
# The header of the table printed at arcadia-science.github.io/2024-paired-token-masking
PUBLISHED_COLUMNS = [
    *("position_i", "position_j", "amino_acid_i", "most_probable_i_i", "most_probable_i_ij"),
    *("amino_acid_j", "most_probable_j_j", "most_probable_j_ij"),
    *("perplex_i_i", "perplex_i_ij", "perplex_j_j", "perplex_j_ij"),
    *("js_div_i", "js_div_j", "js_div_avg"),
]


@pytest.fixture
def protein():
    return Protein(SEQUENCE, name="toy")


@pytest.fixture
def scan(protein):
    return scan_of(protein)


@pytest.fixture
def half(protein):
    return half_of(protein)


# Single scans


def test_single_scan_figures_against_direct_formulas(protein):
    single, _ = log_probabilities(np.float64)
    scan = SingleScan(protein, single)
    p = np.exp(single)
    true = [AMINO_ACIDS.index(letter) for letter in SEQUENCE]
    np.testing.assert_allclose(scan.probabilities, p)
    np.testing.assert_allclose(scan.entropy, entropy(p, base=2, axis=1))
    np.testing.assert_allclose(scan.perplexity, np.exp(entropy(p, axis=1)))
    assert scan.mean_perplexity == pytest.approx(np.exp(entropy(p, axis=1)).mean())
    assert scan.reconstruction_accuracy == np.mean(p.argmax(1) == true)
    product = np.prod([p[i, column] for i, column in enumerate(true)])
    assert scan.pseudo_perplexity == pytest.approx(product ** (-1 / LENGTH))
    summary = scan.summary()
    assert summary["residues"] == LENGTH
    assert summary["pseudo_perplexity"] == scan.pseudo_perplexity
    assert summary["mean_perplexity"] == scan.mean_perplexity
    assert summary["reconstruction_accuracy"] == scan.reconstruction_accuracy


def test_single_scan_table(protein):
    single, _ = log_probabilities()
    table = SingleScan(protein, single).to_pandas()
    assert list(table.columns) == [
        *("position", "label", "amino_acid", "most_probable", "p_wild_type"),
        *("perplexity", "entropy"),
        *(f"p_{letter}" for letter in AMINO_ACIDS),
    ]
    assert len(table) == LENGTH
    assert "".join(table["amino_acid"]) == SEQUENCE
    assert list(table["label"]) == list(protein.residue_labels)
    for row in table.to_dict("records"):
        assert row["p_wild_type"] == row[f"p_{row['amino_acid']}"]
        assert row[f"p_{row['most_probable']}"] == max(row[f"p_{a}"] for a in AMINO_ACIDS)


def test_a_residue_outside_the_twenty_has_no_wild_type_figures():
    protein = Protein("MKX", name="with X")
    scan = SingleScan(protein, np.log(np.full((3, 20), 0.05)))
    table = scan.to_pandas()
    assert np.isnan(table["p_wild_type"][2])
    assert scan.pseudo_perplexity == pytest.approx(20.0)
    pair = PairScan(protein, scan, np.log(np.full((3, 3, 20), 0.05)))
    assert np.isnan(pair.values("pmi")[2]).all()
    assert pair.values("pmi")[0, 2] == 0.0
    assert pair.to_pandas()["amino_acid_j"][1] == "X"


def test_a_single_scan_does_not_change_with_the_array_it_was_made_from(protein):
    single, _ = log_probabilities()
    scan = SingleScan(protein, single)
    kept = scan.probabilities
    single[:] = 0.0
    np.testing.assert_array_equal(scan.probabilities, kept)
    with pytest.raises(ValueError, match="read-only"):
        scan.log_probabilities[0, 0] = 0.0


def test_single_scan_refuses_what_is_no_set_of_distributions(protein):
    single, _ = log_probabilities()
    with pytest.raises(ValueError, match=r"needs log-probabilities of shape \(10, 20\)"):
        SingleScan(protein, single[:9])
    with pytest.raises(ValueError, match=r"position 0 sum to .*, not 1.*from_logits"):
        SingleScan(protein, np.exp(single))
    single[3, 5] = np.nan
    with pytest.raises(ValueError, match="position 3 sum to nan"):
        SingleScan(protein, single)


# Pair scans: matrices


@pytest.mark.parametrize("name", metrics.PAIR_METRICS)
def test_matrices_are_labelled_and_those_of_metrics(scan, protein, name):
    matrix = scan.matrix(name)
    assert list(matrix.index) == list(matrix.columns) == list(protein.residue_labels)
    assert np.isnan(np.diag(matrix)).all()
    assert matrix.notna().to_numpy().sum() == LENGTH * (LENGTH - 1)
    expected = metrics.pair_matrix(
        name, scan.single.log_probabilities, scan.log_probabilities, protein.wild_type
    )
    np.testing.assert_array_equal(matrix.to_numpy(), expected)


def test_matrix_rows_are_the_residues_affected(scan):
    before, after = scan.single.probabilities[2], np.exp(scan.log_probabilities[2, 7])
    expected = jensenshannon(before, after.astype(float), base=2)
    assert scan.matrix("js_dist").loc["T3", "K8"] == pytest.approx(expected, abs=1e-7)


def test_an_unknown_matrix_is_refused_with_the_names(scan, protein):
    for some in (scan, PairScan(protein)):
        with pytest.raises(ValueError, match=r"Did you mean 'js_dist'.*order_residual"):
            some.matrix("js_distance")


def test_changing_a_matrix_in_place_does_not_change_the_scan(scan):
    kept = scan.values("js_div")
    scan.values("js_div")[:] = 0.0
    matrix = scan.matrix("js_div")
    matrix.loc[:, :] = 0.0
    np.testing.assert_array_equal(scan.values("js_div"), kept)


def test_matrices_grow_with_the_pairs_and_computed_ones_are_not_redone(protein, monkeypatch):
    single, pair = log_probabilities()
    scan = PairScan(protein)
    for name in metrics.PAIR_METRICS:
        assert np.isnan(scan.values(name)).all()
    scan.single = SingleScan(protein, single)
    calls = []
    real = metrics.pair_values
    monkeypatch.setattr(metrics, "pair_values", lambda *a: calls.append(len(a[1])) or real(*a))
    for i, j in combinations(range(LENGTH), 2):
        scan.put(np.array([[i, j]]), np.array([[pair[i, j], pair[j, i]]]))
        scan.touch()
        if (i + j) % 4 == 0:
            scan.values("js_dist_avg")
    for name in metrics.PAIR_METRICS:
        expected = metrics.pair_matrix(name, single, pair, protein.wild_type)
        np.testing.assert_array_equal(scan.values(name), expected, err_msg=name)
    scan.touch()
    calls.clear()
    scan.values("js_dist_avg")
    assert sum(calls) == 0


def test_a_pair_caught_half_written_is_taken_up_later(protein):
    single, pair = log_probabilities()
    scan = PairScan(protein, SingleScan(protein, single))
    scan.log_probabilities[1, 2, :9] = pair[1, 2, :9]
    assert np.isnan(scan.values("js_div")[1, 2])
    assert not scan.computed[1, 2]
    scan.put(np.array([[1, 2]]), np.array([[pair[1, 2], pair[2, 1]]]))
    scan.touch()
    assert scan.values("js_div")[1, 2] > 0.0


def test_an_exact_pair_replaces_an_estimate_in_every_matrix(protein):
    single, pair = log_probabilities()
    _, rough = log_probabilities(seed=8)
    scan = PairScan(protein, SingleScan(protein, single))
    pairs = np.array(list(combinations(range(LENGTH), 2)))
    i, j = pairs.T
    scan.put(pairs, np.stack([rough[i, j], rough[j, i]], axis=1), Origin.ESTIMATED)
    scan.touch()
    assert scan.pairs_estimated == len(pairs)
    assert set(scan.to_pandas()["origin"]) == {"estimated"}
    for name in metrics.PAIR_METRICS:
        scan.values(name)
    some = pairs[::3]
    i, j = some.T
    scan.put(some, np.stack([pair[i, j], pair[j, i]], axis=1))
    scan.touch()
    mixed = rough.copy()
    mixed[i, j], mixed[j, i] = pair[i, j], pair[j, i]
    for name in metrics.PAIR_METRICS:
        expected = metrics.pair_matrix(name, single, mixed, protein.wild_type)
        np.testing.assert_array_equal(scan.values(name), expected, err_msg=name)
    table = scan.to_pandas()
    exact = table["origin"] == "exact"
    assert exact.sum() == 2 * len(some)
    assert scan.summary()["pairs_estimated"] == len(pairs) - len(some)


def test_another_single_scan_starts_the_matrices_anew(scan, protein):
    scan.values("js_div")
    other, _ = log_probabilities(seed=5)
    scan.single = SingleScan(protein, other)
    expected = metrics.pair_matrix("js_div", other, scan.log_probabilities, protein.wild_type)
    np.testing.assert_array_equal(scan.values("js_div"), expected)


def test_touch_does_not_wait_for_a_matrix_that_is_being_computed(scan):
    with scan._lock:
        version = scan.version
        thread = threading.Thread(target=scan.touch)
        thread.start()
        thread.join(timeout=5)
        assert not thread.is_alive()
        assert scan.version != version


def test_exact_models_keep_their_digits(protein):
    assert PairScan(protein).log_probabilities.dtype == np.float32
    exact = {"identity": {"checkpoint": "potts", "dtype": "float64"}}
    assert PairScan(protein, provenance=exact).log_probabilities.dtype == np.float64


def test_pair_scan_refuses_another_shape(protein):
    _, pair = log_probabilities()
    with pytest.raises(ValueError, match=r"shape \(10, 10, 20\), not \(10, 9, 20\)"):
        PairScan(protein, None, pair[:, :9])


# Pair scans: tables


def test_tidy_table_has_the_columns_and_one_row_an_ordered_pair(scan):
    table = scan.to_pandas()
    assert list(table.columns) == PAIR_COLUMNS
    assert list(zip(table["position_i"], table["position_j"], strict=True)) == list(
        permutations(range(LENGTH), 2)
    )


def test_tidy_table_against_a_loop(scan):
    single = scan.single.probabilities
    pair = np.exp(scan.log_probabilities.astype(float))
    for row in scan.to_pandas().to_dict("records"):
        i, j = row["position_i"], row["position_j"]
        for at, other, here in ((i, j, "i"), (j, i, "j")):
            before, after = single[at], pair[at, other]
            distance = jensenshannon(before, after, base=2)
            assert row[f"amino_acid_{here}"] == SEQUENCE[at]
            assert row[f"most_probable_{here}_{here}"] == AMINO_ACIDS[before.argmax()]
            assert row[f"most_probable_{here}_ij"] == AMINO_ACIDS[after.argmax()]
            assert row[f"perplex_{here}_{here}"] == pytest.approx(np.exp(entropy(before)), rel=1e-6)
            assert row[f"perplex_{here}_ij"] == pytest.approx(np.exp(entropy(after)), rel=1e-6)
            assert row[f"js_dist_{here}"] == pytest.approx(distance, abs=1e-6)
            assert row[f"js_div_{here}"] == pytest.approx(distance**2, abs=1e-6)
        assert row["js_div_avg"] == (row["js_div_i"] + row["js_div_j"]) / 2
        assert row["js_dist_avg"] == (row["js_dist_i"] + row["js_dist_j"]) / 2


def test_table_of_an_unfinished_scan_has_the_pairs_computed(half, protein):
    table = half.to_pandas()
    assert len(table) == 4 * 3
    assert table["position_i"].max() == 3
    assert table.notna().all(axis=None)
    empty = PairScan(protein).to_pandas()
    assert list(empty.columns) == PAIR_COLUMNS
    assert len(empty) == 0
    assert len(PairScan(protein).to_pandas("arcadia")) == 0


def test_published_convention_calls_the_distance_js_div(scan):
    ours, published = scan.to_pandas(), scan.to_pandas(convention="arcadia")
    assert list(published.columns) == PUBLISHED_COLUMNS
    assert len(published) == len(ours)
    single, pair = scan.single.probabilities, np.exp(scan.log_probabilities.astype(float))
    for row in published.to_dict("records"):
        i, j = row["position_i"], row["position_j"]
        js_i = jensenshannon(pair[i, j], single[i], base=2)
        js_j = jensenshannon(pair[j, i], single[j], base=2)
        assert row["js_div_i"] == pytest.approx(js_i, abs=1e-6)
        assert row["js_div_j"] == pytest.approx(js_j, abs=1e-6)
        assert row["js_div_avg"] == pytest.approx((js_i + js_j) / 2, abs=1e-6)
    shared = [name for name in PUBLISHED_COLUMNS if not name.startswith("js")]
    pd.testing.assert_frame_equal(published[shared], ours[shared])


def test_unknown_convention(scan):
    with pytest.raises(ValueError, match=r"unknown convention 'published'.*'arcadia'"):
        scan.to_pandas(convention="published")


def test_top_pairs_of_a_symmetric_and_of_a_directed_metric(scan, protein):
    table = scan.to_pandas()
    upper = table[table["position_i"] < table["position_j"]]
    expected = upper.nlargest(7, "js_dist_avg")
    top = scan.top_pairs(7)
    assert list(top.columns) == ["position_i", "position_j", "label_i", "label_j", "js_dist_avg"]
    assert top["position_i"].tolist() == expected["position_i"].tolist()
    assert top["position_j"].tolist() == expected["position_j"].tolist()
    assert top["js_dist_avg"].tolist() == expected["js_dist_avg"].tolist()
    assert top["label_i"][0] == protein.residue_labels[top["position_i"][0]]
    directed = scan.top_pairs(90, metric="pmi")
    assert len(directed) == 90
    assert directed["pmi"].is_monotonic_decreasing
    assert len(scan.top_pairs(1000)) == 45
    assert len(scan.top_pairs(np.int64(3))) == 3
    for n in (-1, 0, None, "3", 2.5, True):
        with pytest.raises(ValueError, match=f"n={n!r}: it is a whole number, at least 1"):
            scan.top_pairs(n)


def test_summary_of_a_finished_scan(scan):
    figures = scan.summary()
    table = scan.to_pandas()
    shift = table["perplex_i_ij"] - table["perplex_i_i"]
    swaps = (table["most_probable_i_i"] != table["most_probable_i_ij"]).groupby(table["position_i"])
    assert figures["pairs_computed"] == figures["pairs_total"] == 45
    assert figures["mean_perplexity"] == scan.single.mean_perplexity
    assert figures["reconstruction_accuracy"] == scan.single.reconstruction_accuracy
    assert figures["mean_perplexity_change"] == pytest.approx(shift.mean())
    assert figures["mean_max_perplexity_shift"] == pytest.approx(
        shift.groupby(table["position_i"]).max().mean()
    )
    assert figures["argmax_change_positions"] == swaps.any().sum()
    assert figures["argmax_change_share"] == swaps.any().mean()
    assert "45" in str(figures)


def test_summary_of_a_scan_with_nothing_yet(protein):
    figures = PairScan(protein, positions=[0, 3, 5]).summary()
    assert figures["pairs_computed"] == 0
    assert figures["pairs_total"] == 3
    assert np.isnan(figures["mean_max_perplexity_shift"])


def test_reprs_say_what_is_there(half):
    assert repr(half) == "PairScan('toy', 10 residues, 6 of 45 pairs, model 'toy')"
    assert repr(half.single) == "SingleScan('toy', 10 residues, model 'toy')"


# With a structure


@pytest.fixture
def hairpin(tmp_path):
    """Fourteen residues, numbered from 25: two antiparallel strands, 5 angstrom apart."""
    lines = []
    for i in range(14):
        x, y = 3.8 * min(i, 13 - i), 5.0 * (i >= 7)
        atoms = {"N": (-1.2, 0, 0.5), "CA": (0, 0, 0), "C": (1.2, 0, 0.5), "CB": (0, 0, -1.5)}
        for name, (dx, dy, dz) in atoms.items():
            lines.append(
                f"ATOM  {len(lines) + 1:5d}  {name:<3s} ALA A{i + 25:4d}    "
                f"{x + dx:8.3f}{y + dy:8.3f}{dz:8.3f}  1.00  0.00           {name[0]}"
            )
    (tmp_path / "hairpin.pdb").write_text("\n".join([*lines, "END", ""]))
    return Protein.from_file(tmp_path / "hairpin.pdb", name="hairpin")


@pytest.fixture
def hairpin_scan(hairpin):
    rng = np.random.default_rng(11)
    single = log_softmax(2 * rng.normal(size=(14, 20)), -1)
    pair = log_softmax(single[:, None] + rng.normal(size=(14, 14, 20)), -1)
    pair[range(14), range(14)] = np.nan
    return PairScan(hairpin, SingleScan(hairpin, single), pair)


def test_contact_precision_in_the_summary_against_a_loop(hairpin, hairpin_scan):
    scores = hairpin_scan.values("js_dist_avg")
    strand = [(3.8 * min(i, 13 - i), 5.0 * (i >= 7)) for i in range(14)]
    ranked = sorted(
        ((scores[i, j], i, j) for i, j in combinations(range(14), 2) if j - i >= 6), reverse=True
    )
    figures = hairpin_scan.summary()
    for name, count in (("L", 14), ("L/2", 7), ("L/5", 2)):
        best = ranked[:count]
        hits = sum(np.hypot(*np.subtract(strand[i], strand[j])) < 8.0 for _, i, j in best)
        assert figures[f"contact_precision_{name}"] == pytest.approx(hits / count)
    assert 0 < figures["contact_precision_L"] < 1


def test_top_pairs_tell_distance_and_contact(hairpin, hairpin_scan):
    top = hairpin_scan.top_pairs(91)
    assert list(top.columns[-2:]) == ["distance", "contact"]
    for row in top.to_dict("records"):
        i, j = row["position_i"], row["position_j"]
        assert row["distance"] == pytest.approx(hairpin.distance_map()[i, j])
        assert row["contact"] == float(row["distance"] < 8.0)
        assert (row["label_i"], row["label_j"]) == (f"A{i + 25}", f"A{j + 25}")


def test_chain_numbering_is_back_with_the_protein_and_missed_without(
    tmp_path, hairpin, hairpin_scan
):
    hairpin_scan.save(tmp_path / "scan.zarr")
    back = PairScan.load(tmp_path / "scan.zarr", hairpin)
    pd.testing.assert_frame_equal(back.matrix("js_div"), hairpin_scan.matrix("js_div"))
    with pytest.warns(UserWarning, match=r"A25 to A38.*Pass the protein"):
        without = PairScan.load(tmp_path / "scan.zarr")
    assert without.matrix("js_div").index[0] == "A1"


# xarray


def test_xarray_of_a_pair_scan(scan, protein):
    data = scan.to_xarray()
    labels = protein.residue_labels
    for name in metrics.PAIR_METRICS:
        np.testing.assert_array_equal(data[name].values, scan.values(name))
    assert (
        float(data["js_div"].sel(residue_i=labels[2], residue_j=labels[7]))
        == (scan.values("js_div")[2, 7])
    )
    assert data["js_div"].attrs["units"] == "bits"
    assert data["pmi"].attrs["units"] == "nats"
    assert data["log_probability"].dims == ("residue_i", "residue_j", "amino_acid")
    assert json.loads(data.attrs["provenance"]) == PROVENANCE
    assert isinstance(data, xarray.Dataset)


def test_xarray_of_a_single_scan(scan, protein):
    data = scan.single.to_xarray()
    row = data["probability"].sel(residue=protein.residue_labels[4], amino_acid="W")
    assert float(row) == scan.single.probabilities[4, AMINO_ACIDS.index("W")]
    np.testing.assert_array_equal(data["perplexity"].values, scan.single.perplexity)


def test_missing_xarray_is_answered_with_how_to_install_it(scan, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "xarray", None)
    with pytest.raises(ImportError, match=r"pip install 'plmwidgets\[xarray\]'"):
        scan.to_xarray()
