"""Recoveries of many segments: the store, what goes on where it stopped, the table."""

import json

import numpy as np
import pytest
from recovery_tools import SEQUENCE, ContactToy
from toy_models import ToyModel

from plmwidgets.methods.recoveries import recoveries
from plmwidgets.methods.recovery import recovery
from plmwidgets.models.masked_lm import Context, ModelError
from plmwidgets.protein import Protein
from plmwidgets.scan.places import StoreError

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
