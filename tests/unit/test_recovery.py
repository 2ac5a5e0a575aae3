"""Contact recovery: the values against the definition, the background, what it tells."""

import numpy as np
import pandas as pd
import pytest
from recovery_tools import SEQUENCE, ContactToy
from toy_models import ToyModel
from view_tools import wait_for

from plmwidgets.methods.recovery.curves import curve_table, find_jumps
from plmwidgets.methods.recovery.recovery import prepare_recovery, recovery
from plmwidgets.methods.recovery.result import Recovery
from plmwidgets.methods.recovery.segments import candidate_segments, element_pairs
from plmwidgets.models.masked_lm import Context, ModelError
from plmwidgets.protein import Protein
from plmwidgets.scan.progress import ScanStatus

PROTEIN = Protein(SEQUENCE, name="toy")


def test_jumps_are_those_that_hold():
    low, high = [0.1] * 3, [0.8] * 10
    assert find_jumps([*low, *high]) == [3]
    assert find_jumps([*low, *np.linspace(0.1, 0.8, 10)]) == []
    assert find_jumps([*low, 0.8, 0.1, 0.1, *high[:7]]) == [3, 6]  # two lapses are forgiven
    assert find_jumps([*low, 0.8, 0.1, 0.1, 0.1, *high[:6]]) == [7]
    assert find_jumps([0.1, 0.59]) == []
    assert find_jumps([0.1, np.nan, 0.9]) == []
    assert find_jumps([0.9]) == []


@pytest.mark.parametrize(
    ("values", "want"),
    [
        ([0, 0.8, np.nan, np.nan, np.nan], []),
        ([0, 0.8, 0.8, np.nan], []),
        ([0, *[0.8] * 10, np.nan], [1]),  # beyond the ten, nothing matters
        ([np.nan, 0.8, 0.8], []),
        ([0, 0.8], []),  # nothing after it
        ([0, 0.8, 0.1], []),  # nothing holds it
        ([0, 0.8, 0.1, 0.1], []),
        ([0, 0.8, 0.7], [1]),
        ([0, 0.8, 0.1, 0.7], [1]),
    ],
)
def test_a_jump_needs_values_after_it_that_hold(values, want):
    assert find_jumps(values) == want


def test_the_fan_is_that_of_the_seeds_there_are():
    values = np.array([[0.1, 0.9], [0.3, np.nan], [0.2, np.nan]])
    table = curve_table((0, 4, 7), np.c_[values, [np.nan] * 3])
    assert table.index.tolist() == [0, 4]
    assert table.loc[0].tolist() == pytest.approx([3, 0.2, 0.15, 0.25, 0.1, 0.3, 0.0])
    assert table.loc[4, ["seeds", "median", "recovered"]].tolist() == [1, 0.9, 1.0]


def test_it_says_in_which_precision_its_maps_were_computed():
    model = ContactToy("precise", jump_at=30)
    model.precisions = ("preview", "reference")
    stated = {
        using: prepare_recovery(PROTEIN, model, (20, 42), using=using).provenance["identity"]
        for using in ("contact-head", "jacobian")
    }
    assert stated["contact-head"]["precision"] == "reference"  # attention always is
    assert stated["jacobian"]["precision"] == "preview"


def test_the_result_tells_what_was_recovered_and_where():
    model = ContactToy("tells", jump_at=30)
    found = recovery(PROTEIN, model, (20, 42))
    found.wait(quiet=True)
    assert found.recovered_at == 4  # 22 + 8 are visible then
    assert found.jumps()[["seed", "k"]].to_numpy().tolist() == [[0, 4]]
    assert found.curve().loc[3, "median"] == 0
    assert found.curve().loc[24, "median"] == pytest.approx(1)
    table = found.to_pandas()
    assert table["k"].tolist() == list(range(25))
    assert table["visible"].tolist() == [min(66, 22 + min(k, 20) + k) for k in range(25)]
    assert table["recovered"].tolist() == [k >= 4 for k in range(25)]
    assert found.contact_sum == pytest.approx(
        model.contacts_of(Context(SEQUENCE))[20:42, 20:42].sum()
    )
    ends = f"{PROTEIN.residue_label(20)}-{PROTEIN.residue_label(41)}"
    assert repr(found) == (
        f"Recovery(toy, {ends}, flanking, 25 of 25 computed, recovered at k = 4; "
        "contact head of tells)"
    )
    assert found.progress.status is ScanStatus.FINISHED


def test_a_context_is_computed_once():
    model = ContactToy("once")
    found = recovery(PROTEIN, model, (20, 42), strategy="random", seeds=4, flanks=range(0, 25, 4))
    found.wait(quiet=True)
    assert len(set(model.seen)) == len(model.seen)
    # At k = 0 and with all visible, all seeds show the same.
    assert len(model.seen) == 1 + 1 + 5 * 4 == found.passes
    assert found.computed == 28


def test_maps_are_kept_or_computed_again(monkeypatch):
    model = ContactToy("maps")
    found = prepare_recovery(PROTEIN, model, (20, 42), strategy="random", seeds=2)
    maps = found.maps(5, seed=1)
    np.testing.assert_array_equal(maps["P1"], model.contacts_of(found.plan.context(1, 5)))
    np.testing.assert_array_equal(maps["P0"], model.contacts_of(Context(SEQUENCE)))
    assert list(maps["P1"].index) == list(PROTEIN.residue_labels)
    assert found.computed == 3  # where all is shown P1 is P0, for both seeds
    assert found.kept_map(5, seed=1) is None  # of the first seed alone
    found.maps(5)
    assert found.kept_map(5) is not None
    monkeypatch.setattr("plmwidgets.methods.recovery.result.MAP_BYTES", 0)
    found.maps(6)
    assert found.kept_map(6) is not None  # of those that fit, the latest
    assert found.kept_map(5) is None
    for k, seed in ((99, 0), (3, 2)):
        with pytest.raises(ValueError, match=r"99|seed 2"):
            found.maps(k, seed)


def test_what_is_looked_at_comes_first():
    model = ContactToy("first")
    found = prepare_recovery(PROTEIN, model, (20, 42))
    found.prioritise(17)
    found.start()
    found.wait(quiet=True)
    assert model.seen[1] == found.plan.context(0, 17)


def test_it_is_paused_and_goes_on():
    model = ContactToy("paused")
    found = prepare_recovery(PROTEIN, model, (20, 42), strategy="random", seeds=5)
    stopped = []

    def stop():
        if found.computed > 20 and not stopped:
            stopped.append(found.computed)
            found.pause()

    found.subscribe(stop)
    found.start()
    wait_for(lambda: found.progress.status is ScanStatus.PAUSED)
    found.resume()
    found.wait(quiet=True)
    assert found.is_complete
    assert len(set(model.seen)) > len(model.seen) - 17  # only what was under way is done twice


def test_a_failure_is_told_and_what_was_computed_stays():
    model = ContactToy("fails")
    found = prepare_recovery(PROTEIN, model, (20, 42))
    found.maps(3)
    model.fails_with = RuntimeError("no power")
    found.start()
    with pytest.raises(RuntimeError, match="no power"):
        found.wait(quiet=True)
    assert found.computed == 2
    model.fails_with = None
    found.resume()
    found.wait(quiet=True)
    assert found.is_complete


def test_a_segment_without_contacts_is_refused_with_advice():
    model = ContactToy("none")
    found = prepare_recovery(PROTEIN, model, (20, 42))
    with pytest.raises(ValueError, match=r"no contact in .*candidate_segments"):
        found.take_reference(np.zeros((66, 66), np.float32))


def test_models_without_a_head_are_refused_with_advice():
    with pytest.raises(ModelError, match=r"no trained contact head.*using='jacobian'"):
        recovery(PROTEIN, ToyModel("headless"), (20, 42))
    with pytest.raises(ValueError, match="'contact-head' or 'jacobian'"):
        recovery(PROTEIN, ToyModel("headless"), (20, 42), using="guess")


def test_without_a_model_it_tells_what_to_do():
    made = prepare_recovery(PROTEIN, ContactToy("gone"), (20, 42))
    alone = Recovery(PROTEIN, made.plan, made.provenance)
    for use in (alone.start, lambda: alone.maps(3), lambda: alone.passes):
        with pytest.raises(RuntimeError, match="call recovery"):
            use()
    assert alone.progress.status is ScanStatus.PAUSED


def test_charts_show_all_that_there_is():
    model = ContactToy("charts")
    one = recovery(PROTEIN, model, (20, 42))
    other = recovery(PROTEIN, model, (20, 42), strategy="random", seeds=3)
    with pytest.raises(ValueError, match="nothing is computed"):
        prepare_recovery(PROTEIN, model, (20, 42)).chart()
    for found in (one, other):
        found.wait(quiet=True)
    from plmwidgets.charts import recovery_chart

    rows = max(recovery_chart([one, other]).to_dict()["datasets"].values(), key=len)
    assert len(rows) == 50
    assert {row["strategy"] for row in rows} == {"flanking", "random"}
    assert one.chart().to_dict()["title"]["text"] == f"Contact recovery of {one.words}"
    elsewhere = prepare_recovery(PROTEIN, model, (10, 32))
    with pytest.raises(ValueError, match="different segments"):
        recovery_chart([one, elsewhere])


def test_recoveries_from_several_maps_are_lines_of_their_own():
    from plmwidgets.charts import recovery_chart

    def done(model="lines", **options):
        found = recovery(PROTEIN, ContactToy(model), (20, 42), flanks=(0, 4, 8), seeds=2, **options)
        found.wait(quiet=True)
        return found

    def series(*shown):
        drawn = recovery_chart(shown).to_dict()
        rows = max(drawn["datasets"].values(), key=len)
        for layer in drawn["layer"][:3]:  # both areas and the line
            assert layer["encoding"]["detail"]["field"] == "kind"
        assert drawn["layer"][2]["encoding"]["strokeDash"]["field"] == "kind"
        assert len(rows) == 3 * len(shown)
        return {(row["strategy"], row["kind"]) for row in rows}

    one = done()
    flat = {("flanking", "contact-head"), ("flanking", "jacobian")}
    assert series(one, done(using="jacobian")) == flat
    assert series(one, done("other")) == {("flanking", "lines"), ("flanking", "other")}
    nested, anew = done(strategy="random"), done(strategy="random", nested=False)
    assert series(one, nested, anew) == {
        ("flanking", ""),
        ("random", "nested draws"),
        ("random", "new draws at each k"),
    }
    title = recovery_chart([one, done("other")]).to_dict()["title"]
    assert "contact-head of lines and contact-head of other" in str(title["subtitle"])
    with pytest.raises(ValueError, match="would be one line"):
        recovery_chart([one, done()])


def test_candidates_are_the_windows_with_contacts_and_room():
    values = np.zeros((66, 66))
    values[20:30, 20:30] = 0.2  # 20 in all: windows that hold 9 of its 10 rows and more
    table = candidate_segments(PROTEIN, values)
    want = [
        start
        for start in range(11, 66 - 22 - 10)
        if values[start : start + 22, start : start + 22].sum() > 15
    ]
    assert table["start"].tolist() == want
    assert (table["stop"] - table["start"] == 22).all()
    for row in table.itertuples():
        assert row.contact_sum == pytest.approx(
            values[row.start : row.stop, row.start : row.stop].sum()
        )
    model = ContactToy("candidates")
    by_model = candidate_segments(PROTEIN, model)
    pd.testing.assert_frame_equal(
        by_model, candidate_segments(PROTEIN, model.contacts_of(Context(SEQUENCE)))
    )
    with pytest.raises(ValueError, match=r"\(66, 66\)"):
        candidate_segments(PROTEIN, np.zeros((3, 3)))
    with pytest.raises(ValueError, match="no structure"):
        candidate_segments(PROTEIN)


def test_the_demos_candidates_and_elements_are_those_of_its_structure():
    demo = Protein.demo()
    table = candidate_segments(demo)
    contacts = np.nan_to_num(demo.contact_map())
    apart = np.abs(np.subtract.outer(np.arange(64), np.arange(64))) >= 6
    for row in table.itertuples():
        block = (contacts * apart)[row.start : row.stop, row.start : row.stop]
        assert block.sum() == row.contact_sum > 15
    pairs = element_pairs(demo, separation=(15, None))
    assert len(pairs)
    for row in pairs.itertuples():
        assert row.stop_1 - row.start_1 == row.stop_2 - row.start_2 == 11
        assert row.stop_1 <= row.start_2
        touching = contacts[row.start_1 : row.stop_1, row.start_2 : row.stop_2].sum()
        assert touching == row.contacts > 0
    assert len(element_pairs(demo)) == 0  # of 64 residues, none are 50 apart
    with pytest.raises(ValueError, match="no structure"):
        element_pairs(PROTEIN)


def test_what_is_not_known_in_a_map_is_no_contact():
    values = np.zeros((66, 66))
    values[20:30, 20:30] = 0.2
    np.fill_diagonal(values, 0)
    want = candidate_segments(PROTEIN, values)
    assert len(want)
    np.fill_diagonal(values, np.nan)
    values[3, 9] = values[9, 3] = np.nan
    before = values.copy()
    pd.testing.assert_frame_equal(candidate_segments(PROTEIN, values), want)
    pd.testing.assert_frame_equal(candidate_segments(PROTEIN, pd.DataFrame(values)), want)
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width": 0}, "width is a whole number of residues, 1 or more, not 0"),
        ({"width": 2.5}, "width .* not 2.5"),
        ({"room": -1}, "room is a whole number of residues, 0 or more, not -1"),
        ({"room": None}, "room .* not None"),
        ({"threshold": "a"}, "threshold is a number"),
        ({"threshold": float("nan")}, "threshold is a number"),
        ({"source": np.full((66, 66), np.inf)}, "infinite"),
        ({"source": [["a"]]}, "table of .* numbers"),
    ],
)
def test_bad_questions_for_candidates_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        candidate_segments(PROTEIN, **{"source": np.zeros((66, 66)), **options})


@pytest.mark.parametrize(
    "separation", [5, (50, 20), (5, 5), ("a", None), (-1, 20), (1, 2, 3), "12"]
)
def test_what_is_no_separation_is_refused(separation):
    with pytest.raises(ValueError, match=r"separation is \(more than, up to\)"):
        element_pairs(Protein.demo(), separation=separation)


def test_a_sequence_alone_has_no_elements():
    with pytest.raises(ValueError, match="no structure"):
        element_pairs(SEQUENCE)
