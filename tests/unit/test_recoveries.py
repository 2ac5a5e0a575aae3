"""Recoveries of many segments: the store, what goes on where it stopped, the table."""

import gc
import json
import threading
from collections import Counter

import numpy as np
import pytest
from recovery_tools import SEQUENCE, ContactToy
from toy_models import ToyModel

from plmwidgets.methods.recovery.recoveries import recoveries
from plmwidgets.methods.recovery.recovery import recovery
from plmwidgets.methods.recovery.segments import candidate_segments
from plmwidgets.methods.recovery.tasks import RecoveryStore, Task
from plmwidgets.models.masked_lm import Context, ModelError
from plmwidgets.protein import Protein
from plmwidgets.scan.places import StoreError, place_of

ONE = Protein(SEQUENCE, name="one")
OTHER = Protein(SEQUENCE[::-1], name="other")
TASKS = [(ONE, (20, 42)), (ONE, (12, 34)), (OTHER, "15-30", "40-50")]


def test_every_segment_is_as_computed_alone():
    model = ContactToy("alone")
    found = recoveries(TASKS, model, seeds=2)
    found.wait(quiet=True)
    assert len(found.tasks) == 9
    for task, (protein, segment, *partner) in zip(
        found.tasks, [task for task in TASKS for _ in range(3)], strict=True
    ):
        want = recovery(
            protein,
            model,
            segment,
            partner=partner[0] if partner else None,
            strategy=task.plan.strategy,
            seeds=2,
        )
        want.wait(quiet=True)
        np.testing.assert_array_equal(task.values, want.values)
    assert sum(context == Context(SEQUENCE) for context in model.seen[:50]) <= 2
    table = found.to_pandas()
    assert len(table) == sum(task.values.size for task in found.tasks)
    assert set(table["strategy"]) == {"flanking", "random", "random-30"}
    fraction = found.recovered_fraction()
    row = fraction.query("strategy == 'flanking' and k == 5").iloc[0]
    medians = table.query("strategy == 'flanking' and k == 5").groupby(["protein", "segment"])["R"]
    assert row["segments"] == 3
    assert row["recovered"] == (medians.median() > 0.5).mean()
    assert "9 of 9 segments" in repr(found)
    (drawn,) = found.chart().to_dict()["datasets"].values()
    assert len(drawn) == len(fraction)


def test_a_store_goes_on_where_it_stopped(tmp_path):
    model = ContactToy("resumed")
    store = tmp_path / "kept"
    first = recoveries(TASKS[:1], model, store, strategies="flanking")
    first.wait(quiet=True)
    assert len(list(store.glob("*.json"))) == 2
    model.seen.clear()
    again = recoveries(TASKS[:2], model, store, strategies="flanking")
    again.wait(quiet=True)
    np.testing.assert_array_equal(again.tasks[0].values, first.tasks[0].values)
    # The second segment alone; P0 is what is seen where all is shown.
    assert len(model.seen) == again.tasks[1].values.size
    model.fails_with = RuntimeError("not needed")
    third = recoveries(TASKS[:2], model, store, strategies="flanking")
    third.wait(quiet=True)
    np.testing.assert_array_equal(third.tasks[1].values, again.tasks[1].values)


def test_half_a_segment_is_kept_and_what_is_damaged_is_computed_again(tmp_path):
    model = ContactToy("half")
    store = tmp_path / "kept"
    whole = recoveries(TASKS[:1], model, store, strategies="random", seeds=2)
    whole.wait(quiet=True)
    (file,) = (path for path in store.glob("*.json") if path.name != "recoveries.json")
    content = json.loads(file.read_text())
    content["values"][1][5:9] = [None] * 4
    file.write_text(json.dumps(content))
    model.seen.clear()
    again = recoveries(TASKS[:1], model, store, strategies="random", seeds=2)
    again.wait(quiet=True)
    np.testing.assert_array_equal(again.tasks[0].values, whole.tasks[0].values)
    assert len(model.seen) == 5
    for damaged in ("{", "[]", json.dumps({**content, "values": [[1.0]]})):
        file.write_text(damaged)
        with pytest.warns(UserWarning, match="damaged and is computed again"):
            third = recoveries(TASKS[:1], model, store, strategies="random", seeds=2)
        third.wait(quiet=True)
        np.testing.assert_array_equal(third.tasks[0].values, whole.tasks[0].values)


def test_what_was_computed_before_a_failure_is_kept(tmp_path):
    model = ContactToy("fails half way")
    steps = model.contact_probability_steps

    def failing(contexts):
        if len(model.seen) > 12:
            raise RuntimeError("no power")
        return steps(contexts)

    model.contact_probability_steps = failing
    found = recoveries(TASKS[:1], model, tmp_path / "kept", strategies="flanking")
    with pytest.raises(RuntimeError, match="no power"):
        found.wait(quiet=True)
    model.contact_probability_steps = steps
    again = recoveries(TASKS[:1], model, tmp_path / "kept", strategies="flanking")
    assert again.tasks[0].done >= 1
    again.wait(quiet=True)


def test_another_model_or_map_is_refused_and_so_is_another_folder(tmp_path):
    store = tmp_path / "kept"
    recoveries(TASKS[:1], ContactToy("first"), store, strategies="flanking").wait(quiet=True)
    with pytest.raises(StoreError, match=r"another model.*first"):
        recoveries(TASKS[:1], ContactToy("second"), store, strategies="flanking")
    with pytest.raises(StoreError, match=r"another map.*contact-head"):
        recoveries(TASKS[:1], ContactToy("first"), store, strategies="flanking", using="jacobian")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    with pytest.raises(StoreError, match="something else"):
        recoveries(TASKS[:1], ContactToy("first"), tmp_path / "mine")
    (store / "recoveries.json").write_text("{}")
    with pytest.raises(StoreError, match="no store of contact recoveries"):
        recoveries(TASKS[:1], ContactToy("first"), store)


def test_a_segment_without_contacts_is_named_and_the_others_go_on(tmp_path):
    model = ContactToy("some empty")
    full = model.contacts_of

    def without(context):
        values = full(context)
        values[20:42, 20:42] = 0
        return values

    model.contacts_of = without
    store = tmp_path / "kept"
    found = recoveries(TASKS[:2], model, store, strategies="flanking")
    found.wait(quiet=True)
    assert found.problems()["segment"].tolist() == [
        f"{ONE.residue_label(20)}-{ONE.residue_label(41)}"
    ]
    assert set(found.to_pandas()["start"]) == {12}
    again = recoveries(TASKS[:2], model, store, strategies="flanking")
    assert len(again.problems()) == 1


def test_bad_tasks_are_refused_before_anything_is_computed():
    model = ContactToy("bad")
    with pytest.raises(ValueError, match="at least one"):
        recoveries([], model)
    with pytest.raises(ValueError, match="0 <= start < stop"):
        recoveries([*TASKS, (ONE, (60, 99))], model)
    with pytest.raises(ModelError, match="contact head"):
        recoveries(TASKS, ToyModel("headless batch"))
    assert model.seen == []


def held(model):
    """Let a model answer only once the event is set that this returns."""
    steps, go_on = model.contact_probability_steps, threading.Event()

    def waiting(contexts):
        assert go_on.wait(60)
        return (yield from steps(contexts))

    model.contact_probability_steps = waiting
    return go_on


def test_the_same_call_while_it_runs_gets_what_runs(tmp_path):
    model = ContactToy("twice")
    go_on = held(model)
    options = {"strategies": ["flanking"], "flanks": (0, 5)}
    try:
        tasks = recoveries(TASKS[:1], model, tmp_path / "kept", **options).tasks
        gc.collect()  # as in a cell that gives its result no name
        first = recoveries(TASKS[:1], model, tmp_path / "kept", **options)
        assert first.tasks is tasks
        assert recoveries(TASKS[:1], model, str(tmp_path / "kept"), **options) is first
        others = [
            recoveries(TASKS[:1], model, tmp_path / "elsewhere", **options),
            recoveries(TASKS[1:2], model, tmp_path / "kept", **options),
        ]
        assert all(other is not first for other in others)
    finally:
        go_on.set()
    for found in (first, *others):
        found.wait(quiet=True)
    done = recoveries(TASKS[:1], model, tmp_path / "kept", **options)
    assert done is not others[1]
    np.testing.assert_array_equal(done.tasks[0].values, first.tasks[0].values)


def test_what_two_batches_with_one_store_share_is_computed_once(tmp_path):
    model = ContactToy("shared")
    go_on = held(model)
    options = {"strategies": ["flanking"], "flanks": (0, 5)}
    last = (ONE, (30, 45))
    batches = [
        recoveries([*TASKS[:2], *more], model, tmp_path / "kept", **options)
        for more in ([], [last], [last])
    ]
    go_on.set()
    for found in batches:
        found.wait(60, quiet=True)
        assert found.progress.status == "finished"
    counts = Counter(context for context in model.seen if context.masked)
    assert max(counts.values()) == 1
    tables = [found.to_pandas() for found in batches]
    assert tables[1].equals(tables[2])
    assert tables[0].equals(tables[1][: len(tables[0])])


def test_a_batch_that_stopped_early_writes_over_nothing_of_a_later_one(tmp_path):
    model = ContactToy("early")
    options = {"strategies": ["random"], "seeds": 2, "flanks": (0, 5)}
    whole = recoveries(TASKS[:1], model, tmp_path / "kept", **options)
    whole.wait(quiet=True)
    (kept,) = (tmp_path / "kept").glob("[0-9a-f]*[0-9a-f].json")
    before = kept.read_bytes()
    half = Task(ONE, whole.tasks[0].plan)
    half.values[0] = whole.tasks[0].values[0]
    RecoveryStore(place_of(tmp_path / "kept"), whole.provenance).write(half)
    assert kept.read_bytes() == before
    assert half.done == half.values.size


def test_what_is_listed_twice_is_done_once():
    model = ContactToy("repeats")
    found = recoveries(
        [*TASKS[:1], (ONE, "21-42"), *TASKS[:2]],
        model,
        strategies=["flanking", "flanking"],
        flanks=(0, 5),
    )
    found.wait(quiet=True)
    assert [task.plan.segments for task in found.tasks] == [((20, 42),), ((12, 34),)]
    assert len(set(model.seen)) == len(model.seen) - (model.seen.count(Context(SEQUENCE)) - 1)
    assert len(found.to_pandas()) == 4


def test_only_a_lack_of_contacts_is_kept_as_a_problem(tmp_path):
    model = ContactToy("odd failure")
    model.fails_with = ValueError("the driver is gone")
    store = tmp_path / "kept"
    found = recoveries(TASKS[:2], model, store, strategies="flanking", flanks=(0, 5))
    with pytest.raises(ValueError, match="the driver is gone"):
        found.wait(quiet=True)
    assert len(found.problems()) == 0
    model.fails_with = None
    again = recoveries(TASKS[:2], model, store, strategies="flanking", flanks=(0, 5))
    again.wait(quiet=True)
    assert len(again.problems()) == 0
    assert len(again.to_pandas()) == 4


def test_what_is_too_short_for_the_flanks_of_all_is_named_and_the_others_go_on(tmp_path):
    short = Protein(SEQUENCE[:40], name="short")
    asked = [(ONE, (20, 42)), (short, (10, 32))]
    found = recoveries(
        asked,
        ContactToy("short"),
        tmp_path / "kept",
        strategies=["flanking", "random-30"],
        flanks=iter([0, 20]),
    )
    found.wait(quiet=True)
    assert found.to_pandas()[["protein", "k"]].drop_duplicates().to_numpy().tolist() == [
        ["one", 0],
        ["one", 20],
    ]
    problems = found.problems()
    assert problems["protein"].tolist() == ["one", "short", "short"]
    assert "strategy 'random-30', it is a whole number from 0 to 0" in problems["problem"][0]
    assert any(
        "'flanking', it is a whole number from 0 to 10" in one for one in problems["problem"]
    )
    assert len(list((tmp_path / "kept").glob("*.json"))) == 2
    with pytest.raises(ValueError, match="the flank length 20 does not fit"):
        recoveries(asked[1:], ContactToy("short"), flanks=(0, 20))


@pytest.mark.parametrize(
    ("tasks", "options", "words"),
    [
        (TASKS[0], {}, r"put a single one into a list as well, \[\(protein, segment\)\]"),
        ((SEQUENCE, (24, 46)), {}, "put a single one into a list"),
        (ONE, {}, "tasks are a list"),
        (5, {}, "tasks are a list.*not 5"),
        ([(ONE,)], {}, "one of these has 1"),
        ([(ONE, (3, 9), (20, 30), "flanking")], {}, "one of these has 4"),
        (candidate_segments(Protein.demo()), {}, "not a table.*itertuples"),
        (TASKS, {"strategies": []}, "at least one"),
        (TASKS, {"flanks": 3}, "several flank lengths"),
        (TASKS, {"flanks": (0, 2.5)}, "whole number"),
        (TASKS, {"seeds": "a"}, "seeds"),
        (TASKS, {"using": "guess"}, "unknown map"),
    ],
)
def test_what_are_no_tasks_is_refused_in_words_and_leaves_no_store(tmp_path, tasks, options, words):
    with pytest.raises(ValueError, match=words):
        recoveries(tasks, ContactToy("words"), tmp_path / "kept", **options)
    assert not (tmp_path / "kept").exists()


def test_an_option_that_there_is_not_is_named():
    with pytest.raises(TypeError, match=r"recoveries\(\) got an unexpected .*'flank'"):
        recoveries(TASKS, ContactToy("option"), flank=3)
