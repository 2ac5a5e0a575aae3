"""Comparisons of strategies in a store: what is there is not computed again, nothing is lost."""

import gc
import json
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from toy_models import GatedModel, ToyModel
from view_tools import wait_for

from plmwidgets.methods.unmasking import trace_store
from plmwidgets.methods.unmasking.strategy_comparison import compare_strategies
from plmwidgets.protein import Protein
from plmwidgets.scan.places import StoreError

PROTEIN = Protein("MKTAYIAKQRQISFVKSHFS", name="toy")
HIDDEN = tuple(range(2, 10))
OPTIONS = {"strategies": ["random", "entropy"], "steps": [1, 4], "seeds": 6}


def passes(model):
    return sum(map(len, model.calls))


def test_a_finished_comparison_takes_no_pass_and_is_judged_again(tmp_path):
    model = ToyModel("kept strategies")
    first = compare_strategies(PROTEIN, model, HIDDEN, store=tmp_path / "kept", **OPTIONS)
    first.wait(20, quiet=True)
    without = compare_strategies(PROTEIN, model, HIDDEN, **OPTIONS)
    without.wait(20, quiet=True)
    pd.testing.assert_frame_equal(first.to_pandas(), without.to_pandas())
    before = passes(model)
    again = compare_strategies(PROTEIN, model, HIDDEN, store=tmp_path / "kept", **OPTIONS)
    assert again.progress.status == "finished"
    assert again is not first
    pd.testing.assert_frame_equal(again.to_pandas(), first.to_pandas())
    judged = compare_strategies(
        PROTEIN, model, HIDDEN, store=tmp_path / "kept", judge=lambda some: [7.0], **OPTIONS
    )
    assert set(judged.to_pandas()["score"]) == {7.0}
    assert passes(model) == before


def test_more_seeds_steps_and_strategies_are_added(tmp_path):
    model = ToyModel("more strategies")
    compare_strategies(
        PROTEIN, model, HIDDEN, store=tmp_path / "kept", strategies="random", steps=4, seeds=3
    ).wait(20, quiet=True)
    before = passes(model)
    more = compare_strategies(PROTEIN, model, HIDDEN, store=tmp_path / "kept", **OPTIONS)
    more.wait(20, quiet=True)
    alone = ToyModel("more strategies alone")
    whole = compare_strategies(PROTEIN, alone, HIDDEN, **OPTIONS)
    whole.wait(20, quiet=True)
    assert passes(model) - before < passes(alone)
    columns = ["strategy", "steps", "seed", "passes"]
    pd.testing.assert_frame_equal(more.to_pandas()[columns], whole.to_pandas()[columns])
    assert more.progress.done == more.progress.total


def test_plans_that_differ_in_anything_but_the_seed_are_kept_apart(tmp_path):
    model = ToyModel("apart")
    maps = np.random.default_rng(0).random((2, 20, 20))
    kinds = [{}, {"temperature": 0.5}, {"top_p": 0.9}, {"anneal": True}]
    strategies = {str(k): {"strategy": "random", **kind} for k, kind in enumerate(kinds)}
    strategies |= {
        f"map {k}": {"strategy": "pair-guided", "pairs": each} for k, each in enumerate(maps)
    }
    found = compare_strategies(
        PROTEIN, model, HIDDEN, strategies=strategies, steps=4, seeds=2, store=tmp_path / "kept"
    )
    found.wait(20, quiet=True)
    assert len(list((tmp_path / "kept").glob("*.json"))) == 1 + len(strategies)


def test_what_was_finished_before_a_pause_is_kept_and_the_same_call_gets_what_runs(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("plmwidgets.methods.unmasking.run.AT_ONCE", 4)
    model = GatedModel("held strategies", after=12)
    options = {"strategies": "random", "steps": 4, "seeds": 40, "store": tmp_path / "kept"}
    found = compare_strategies(PROTEIN, model, HIDDEN, **options)
    places = found._places
    del found
    gc.collect()  # as in a cell that gives its result no name
    found = compare_strategies(PROTEIN, model, HIDDEN, **options)
    assert found._places is places
    other = {**options, "seeds": 2, "store": tmp_path / "elsewhere"}
    assert compare_strategies(PROTEIN, model, HIDDEN, **other) is not found
    wait_for(lambda: len(found.to_pandas()) > 0 or passes(model) >= 12)
    found.pause()
    model.gate.set()
    found._run._thread.join()
    there = len(found.to_pandas())
    again = compare_strategies(PROTEIN, model, HIDDEN, **options)
    assert len(again.to_pandas()) >= there
    again.wait(20, quiet=True)
    assert len(again.to_pandas()) == 40


CHILD = """
import os, signal, sys
sys.path[:0] = {path!r}
from toy_models import ToyModel
from plmwidgets.methods.unmasking import run, trace_store
from plmwidgets.methods.unmasking.strategy_comparison import compare_strategies
from plmwidgets.protein import Protein
run.AT_ONCE, trace_store.SAVE_SECONDS = 4, 0.0
found = compare_strategies(
    Protein({sequence!r}), ToyModel("killed strategies", seconds=0.001), range(2, 10),
    strategies="random", steps=4, seeds=40, store=sys.argv[1],
)
found.subscribe(lambda: len(found.to_pandas()) > 12 and os.kill(os.getpid(), signal.SIGKILL))
found.wait()
"""


def test_a_killed_process_loses_what_was_under_way_alone(tmp_path):
    code = CHILD.format(path=sys.path, sequence=PROTEIN.sequence)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "kept")], check=False, timeout=120
    )
    assert done.returncode == -signal.SIGKILL
    model = ToyModel("killed strategies")
    options = {"strategies": "random", "steps": 4, "seeds": 40}
    again = compare_strategies(PROTEIN, model, HIDDEN, store=tmp_path / "kept", **options)
    again.wait(20, quiet=True)
    assert passes(model) <= 4 * (40 - 12)
    whole = compare_strategies(PROTEIN, model, HIDDEN, **options)
    whole.wait(20, quiet=True)
    pd.testing.assert_frame_equal(again.to_pandas(), whole.to_pandas())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: "{",
        lambda content: "[]",
        lambda content: content.replace(PROTEIN.sequence[-4:], "WWWW"),
        lambda content: content.replace('"passes": 4', '"passes": null'),
        lambda content: content.replace('"outcomes"', '"results"'),
    ],
)
def test_what_is_damaged_is_named_and_computed_again(tmp_path, spoil):
    model = ToyModel("damaged strategies")
    options = {"strategies": "random", "steps": 4, "seeds": 3, "store": tmp_path / "kept"}
    first = compare_strategies(PROTEIN, model, HIDDEN, **options)
    first.wait(20, quiet=True)
    (file,) = (each for each in (tmp_path / "kept").iterdir() if each.stem != "strategies")
    file.write_text(spoil(file.read_text()))
    with pytest.warns(UserWarning, match="is damaged and is computed again"):
        again = compare_strategies(PROTEIN, model, HIDDEN, **options)
    again.wait(20, quiet=True)
    pd.testing.assert_frame_equal(again.to_pandas(), first.to_pandas())
    assert len(json.loads(file.read_text())["outcomes"]) == 3


def test_another_model_and_another_folder_are_refused(tmp_path):
    options = {"strategies": "random", "steps": 2, "seeds": 1}
    compare_strategies(
        PROTEIN, ToyModel("theirs"), HIDDEN, store=tmp_path / "kept", **options
    ).wait(20, quiet=True)
    with pytest.raises(StoreError, match=r"holds unmaskings of another model \(theirs"):
        compare_strategies(PROTEIN, ToyModel("ours"), HIDDEN, store=tmp_path / "kept", **options)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    with pytest.raises(StoreError, match="something else"):
        compare_strategies(PROTEIN, ToyModel("ours"), HIDDEN, store=tmp_path / "mine", **options)


def test_a_full_disk_loses_nothing_on_resume(tmp_path, monkeypatch):
    model = ToyModel("full strategies")
    write = trace_store.TraceStore.write_file

    def full(*_):
        raise StoreError("the disk is full: free some space and resume")

    monkeypatch.setattr(trace_store.TraceStore, "write_file", full)
    found = compare_strategies(PROTEIN, model, HIDDEN, store=tmp_path / "kept", **OPTIONS)
    with pytest.raises(StoreError, match="free some space"):
        found.wait(20, quiet=True)
    before = passes(model)
    monkeypatch.setattr(trace_store.TraceStore, "write_file", write)
    found.resume()
    found.wait(20, quiet=True)
    again = compare_strategies(PROTEIN, model, HIDDEN, store=tmp_path / "kept", **OPTIONS)
    pd.testing.assert_frame_equal(again.to_pandas(), found.to_pandas())
    assert passes(model) == before
