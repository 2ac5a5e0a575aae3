"""Windows of proteins beyond a model's limit, against brute force on each window."""

import numpy as np
import pytest
from toy_models import ToyModel

from plmwidgets import Comparison, WindowedScan, evaluate_contacts
from plmwidgets.metrics import js_distance
from plmwidgets.models.masked_lm import Context, ModelError
from plmwidgets.protein import Protein
from plmwidgets.scan.start import scan_pairs
from plmwidgets.scan.windows import scan_windows, windows_of

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQWDE"


class ShortToy(ToyModel):
    max_length = 10

    def check_sequence(self, sequence):
        if len(sequence) > self.max_length:
            raise ModelError("too long")


@pytest.mark.parametrize(
    ("length", "size", "overlap", "expected"),
    [
        (9, 10, None, [(0, 8)]),
        (10, 10, None, [(0, 9)]),
        (11, 10, None, [(0, 9), (1, 10)]),
        (25, 10, None, [(0, 9), (5, 14), (10, 19), (15, 24)]),
        (25, 10, 0, [(0, 9), (8, 17), (15, 24)]),
        (12, 10, 9, [(0, 9), (1, 10), (2, 11)]),
    ],
)
def test_windows_cover_the_protein(length, size, overlap, expected):
    protein = Protein(SEQUENCE[:length], "p")
    windows = windows_of(protein, size, overlap)
    assert [(window.first, window.last) for window in windows] == expected
    for window in windows:
        assert window.protein.sequence == protein.sequence[window.first : window.last + 1]
        assert window.protein.name == f"p {window.first + 1}-{window.last + 1}"


@pytest.mark.parametrize("overlap", [0, 3, 5, 9])
def test_pairs_no_farther_apart_than_the_overlap_are_all_in_some_window(overlap):
    windows = windows_of("A" * 97, 10, overlap)
    for i in range(97):
        for j in range(i + 1, min(i + overlap + 1, 97)):
            assert any(window.first <= i and j <= window.last for window in windows)


def room(window, position, length):
    """Residues between a position and the nearest cut of a window."""
    cuts = [position - window.first] if window.first > 0 else []
    cuts += [window.last - position] if window.last < length - 1 else []
    return min(cuts, default=length)


def test_each_pair_comes_from_its_most_central_window_alone():
    model = ShortToy("windows")
    protein = Protein(SEQUENCE, "p")
    scan = scan_windows(protein, model)
    scan.wait()
    length = len(protein)
    expected = np.full((length, length), np.nan)
    for i in range(length):
        for j in range(length):
            both = [w for w in scan.windows if w.first <= min(i, j) and max(i, j) <= w.last]
            if i == j or not both:
                continue
            w = max(both, key=lambda w: min(room(w, i, length), room(w, j, length)))
            residues, a, b = w.protein.sequence, i - w.first, j - w.first
            alone = model.expected(Context(residues, (a,)))[a]
            hidden = tuple(sorted((a, b)))
            expected[i, j] = js_distance(alone, model.expected(Context(residues, hidden))[a])
    found = scan.matrix("js_dist")
    assert list(found.index) == list(protein.residue_labels)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    beyond = np.isnan(expected).sum() - length
    assert 0 < beyond == (scan.chosen < 0).sum() - length
    contacts = scan.contacts()
    assert list(contacts.columns) == list(protein.residue_labels)
    np.testing.assert_allclose(contacts, contacts.T, atol=1e-12)
    np.testing.assert_array_equal(np.isnan(contacts), np.isnan(expected))
    for index, (window, part) in enumerate(zip(scan.windows, scan.scans, strict=True)):
        i, j = np.nonzero(scan.chosen == index)
        own = part.contacts().to_numpy()[i - window.first, j - window.first]
        np.testing.assert_array_equal(contacts.to_numpy()[i, j], own)
    assert f"{beyond // 2} pairs beyond a window" in repr(scan)

    table = scan.to_pandas()
    i, j = table.position_i.to_numpy(), table.position_j.to_numpy()
    assert len(table) == np.isfinite(expected).sum()
    np.testing.assert_allclose(table.js_dist_i, expected[i, j], atol=1e-12)
    assert (table.amino_acid_i == np.array(list(SEQUENCE))[i]).all()
    assert table[["position_i", "position_j"]].to_records(index=False).tolist() == sorted(
        zip(i.tolist(), j.tolist(), strict=True)
    )
    assert (table.window == scan.chosen[i, j]).all()


def test_the_same_call_goes_on_with_the_stores_of_its_windows(tmp_path):
    first = scan_windows(SEQUENCE, ShortToy("stored"), tmp_path)
    first.wait()
    stores = sorted(path.name for path in tmp_path.iterdir())
    assert stores == ["1-10.zarr", "11-20.zarr", "16-25.zarr", "6-15.zarr"]
    model = ShortToy("stored", revision="1")
    again = scan_windows(SEQUENCE, model, tmp_path)
    again.wait()
    assert model.calls == []
    np.testing.assert_array_equal(again.matrix("js_div"), first.matrix("js_div"))


def test_a_protein_that_fits_is_one_window_equal_to_its_scan():
    model = ShortToy("fits")
    whole = scan_pairs(SEQUENCE[:10], model)
    whole.wait()
    windowed = scan_windows(SEQUENCE[:10], model)
    windowed.wait()
    np.testing.assert_array_equal(windowed.matrix("pmi"), whole.matrix("pmi"))


def test_a_model_with_learned_positions_sees_each_window_from_its_start(tiny_esm1b):
    from plmwidgets.models import load_model

    model = load_model(tiny_esm1b)
    sequence = (SEQUENCE * 6)[:135]
    with pytest.raises(ModelError, match=r"at most 128 residues.*scan_windows"):
        scan_pairs(sequence, model)
    scan = scan_windows(sequence, model, overlap=121, method="superposed", replacements=0, audit=2)
    scan.wait()
    assert [(window.first, window.last) for window in scan.windows] == [(0, 127), (7, 134)]
    alone = scan_pairs(sequence[7:], model, method="superposed", replacements=0, audit=2)
    alone.wait()
    where = scan.chosen[7:, 7:] == 1
    assert where.any()
    np.testing.assert_allclose(
        scan.matrix("js_dist").to_numpy()[7:, 7:][where], alone.values("js_dist")[where], atol=1e-5
    )


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"overlap": 10}, "cannot overlap by 10"),
        ({"overlap": -1}, "overlap=-1: it is a whole number, at least 0"),
        ({"overlap": "5"}, "overlap='5': it is a whole number"),
        ({"size": 1}, "size=1: it is a whole number, at least 2"),
        ({"size": 0}, "size=0: it is a whole number"),
        ({"size": 8.0}, "size=8.0: it is a whole number"),
        ({"size": "8"}, "size='8': it is a whole number"),
        ({"positions": "1-5"}, "positions cannot be cut into windows"),
        ({"positions": [0, 3]}, "positions cannot be cut into windows"),
        ({"size": 11}, "too long"),
    ],
)
def test_windows_that_make_no_sense_are_refused(options, match):
    with pytest.raises((ModelError, ValueError), match=match):
        scan_windows(SEQUENCE, ShortToy("refused"), **options)
    free = ToyModel("free")
    free.max_length = None
    with pytest.raises(ValueError, match="sequences of any length"):
        scan_windows(SEQUENCE, free)


def test_a_number_of_numpy_is_a_size():
    assert windows_of(SEQUENCE, np.int64(10), np.int64(5)) == windows_of(SEQUENCE, 10, 5)


@pytest.mark.parametrize("several", ["windows", "comparison"])
def test_several_scans_are_waited_for_like_one(several):
    def started(name, seconds=0.0):
        model = ShortToy(f"{name} {several}", seconds=seconds)
        if several == "windows":
            return scan_windows(SEQUENCE[:15], model)
        return Comparison([scan_pairs(SEQUENCE[:10], model)])

    slow = started("slow", 0.05)
    with pytest.raises(TimeoutError):
        slow.wait(timeout=0.01)
    with pytest.raises(ValueError, match="timeout='x': it is a number, at least 0"):
        slow.wait("x")
    with pytest.raises(ValueError, match="quiet='no'"):
        slow.wait(quiet="no")
    for scan in slow.scans if several == "windows" else slow.scans.values():
        scan.cancel()
    started("quick").wait(timeout=30, quiet=True)


def test_windows_are_evaluated_as_a_map_of_contacts_once_they_are_done():
    length = 14
    truth = np.abs(np.subtract.outer(range(length), range(length))) < 5
    slow = scan_windows(SEQUENCE[:length], ShortToy("slow contacts", seconds=0.05))
    assert isinstance(slow, WindowedScan)
    with pytest.raises(RuntimeError, match="'WindowedScan' is not finished"):
        evaluate_contacts(SEQUENCE[:length], slow, truth, min_separation=1)
    slow.cancel()
    scan = scan_windows(SEQUENCE[:length], ShortToy("contacts"))
    scan.wait(30, quiet=True)
    tables = []
    for given in (scan, scan.contacts()):
        with pytest.warns(UserWarning, match="no score at 16 of the 91 pairs"):
            found = evaluate_contacts(SEQUENCE[:length], given, truth, min_separation=1)
        tables.append(found.table())
    np.testing.assert_array_equal(*tables)
