"""Trainings in folders: stopped, killed and taken over, they come to the same weights."""

import gc
import json
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from tuning_tools import HELD_OUT, QUICK, SEQUENCES, adapter_of, assert_same, finished

from plmwidgets import ModelError, fine_tune, load_model
from plmwidgets.methods.tuning import fine_tune as fine_tune_module
from plmwidgets.methods.tuning.checkpoints import TrainingFolder
from plmwidgets.models.masked_lm import Context


@pytest.fixture
def base(tiny_esm2):
    return load_model(tiny_esm2, device="cpu")


def held(base, folder=None, **options):
    tuning = fine_tune(base, SEQUENCES, evaluation=HELD_OUT, output=folder, **QUICK, **options)
    tuning.pause()
    tuning._run._thread.join()
    return tuning


def test_a_held_run_goes_on_to_the_same_weights(base, tmp_path):
    whole = finished(base, SEQUENCES, evaluation=HELD_OUT, **QUICK)
    tuning = held(base, tmp_path / "held")
    kept = tuning.to_pandas()
    again = finished(base, SEQUENCES, evaluation=HELD_OUT, output=tmp_path / "held", **QUICK)
    resumed = held(base)
    resumed.resume()
    resumed.wait(timeout=60, quiet=True)
    assert len(kept) < len(again.to_pandas())
    assert_same(adapter_of(whole), adapter_of(again))
    assert_same(adapter_of(whole), adapter_of(resumed))
    np.testing.assert_array_equal(whole.to_pandas(), again.to_pandas())


def test_a_model_is_made_once_for_the_same_weights_and_anew_for_others(base):
    tuning = held(base, method="full")
    early = tuning.model
    assert tuning.model is early
    contexts = [Context(SEQUENCES[0], (3,))]
    before = early.log_probabilities(contexts)
    tuning.resume()
    tuning.wait(timeout=60, quiet=True)
    late = tuning.model
    assert late is not early and late.identity != early.identity
    assert np.array_equal(early.log_probabilities(contexts), before)
    assert not np.array_equal(late.log_probabilities(contexts), before)


def _content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_held_run_that_a_later_one_took_over_is_refused_and_kept(base, tmp_path):
    folder = tmp_path / "mine"
    first = held(base, folder)
    finished(base, SEQUENCES, evaluation=HELD_OUT, output=folder, **QUICK)
    gc.collect()  # nobody holds the later one any more
    before, stood = _content(folder), first.to_pandas()
    with pytest.raises(RuntimeError, match=r"a later fine_tune.*mine.* goes on with this training"):
        first.resume()
    with pytest.raises(FileExistsError, match="mine holds checkpoint-"):
        first.save(folder)
    assert _content(folder) == before
    pd.testing.assert_frame_equal(first.to_pandas(), stood)
    first.save(tmp_path / "as it stood")
    assert base.with_adapter(tmp_path / "as it stood").name.endswith("as it stood")


def test_a_training_that_another_process_took_over_is_told(base, tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    first = held(base, folder)
    monkeypatch.setattr(fine_tune_module, "_in_folders", {})  # as another process knows of none
    finished(base, SEQUENCES, evaluation=HELD_OUT, output=folder, **QUICK)
    before = _content(folder)
    first.resume()
    with pytest.raises(RuntimeError, match="another process goes on with the training in"):
        first.wait(timeout=60, quiet=True)
    assert _content(folder) == before


def test_of_two_that_write_a_checkpoint_at_once_one_stays_whole(tmp_path, monkeypatch):
    one, other = (TrainingFolder(tmp_path / "mine", {}) for _ in range(2))
    groups = {name: {"w": torch.zeros(2)} for name in ("weights", "optimizer", "best")}
    rename = Path.rename

    def late(path, target):
        monkeypatch.setattr(Path, "rename", rename)
        other.write({"step": 2}, groups)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", late)
    with pytest.raises(RuntimeError, match="has written a later checkpoint"):
        one.write({"step": 1}, groups)
    (tmp_path / "mine" / "checkpoint-000009.0.partial").mkdir()  # of a process that was killed
    other.write({"step": 3}, groups)
    assert [path.name for path in (tmp_path / "mine").glob("checkpoint-*")] == ["checkpoint-000002"]
    assert other.read()[0] == {"step": 3}


CHILD = """
import os, signal, sys
from plmwidgets import fine_tune, load_model
folder, base, options = sys.argv[1], load_model(sys.argv[2], device="cpu"), {options!r}
tuning = fine_tune(base, {sequences!r}, output=folder, **options)
tuning.subscribe(lambda: tuning.progress.done == 5 and os.kill(os.getpid(), signal.SIGKILL))
tuning.wait()
"""


def test_a_killed_run_goes_on_to_the_same_weights(base, tiny_esm2, tmp_path):
    folder = tmp_path / "killed"
    code = CHILD.format(options=QUICK, sequences=SEQUENCES)
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(tiny_esm2)], check=False, timeout=120
    )
    assert done.returncode == -signal.SIGKILL
    assert list(folder.glob("checkpoint-*"))
    assert not (folder / "adapter_config.json").exists()
    again = fine_tune(base, SEQUENCES, output=folder, **QUICK)
    assert again.progress.done >= 4
    again.wait(timeout=60, quiet=True)
    assert_same(adapter_of(again), adapter_of(finished(base, SEQUENCES, **QUICK)))


def test_a_finished_folder_is_an_adapter_of_peft_and_is_not_trained_again(base, tmp_path):
    import peft

    tuning = finished(base, SEQUENCES, output=tmp_path / "mine", **QUICK)
    again = fine_tune(base, SEQUENCES, output=tmp_path / "mine", **QUICK)
    assert again.progress.status == "finished"
    assert again.model.identity == tuning.model.identity
    loaded = base.with_adapter(tmp_path / "mine")
    assert loaded.identity == tuning.model.identity
    assert_same(adapter_of(tuning), {k: v.numpy() for k, v in loaded.adapter.tensors.items()})
    own = type(base.network).from_pretrained(base.network.config.name_or_path)
    peft.PeftModel.from_pretrained(own, tmp_path / "mine")
    config = json.loads((tmp_path / "mine" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == base.identity.checkpoint
    assert config["revision"] == base.identity.revision


def test_a_folder_of_another_training_is_refused(base, tmp_path):
    finished(base, SEQUENCES, output=tmp_path / "mine", **QUICK)
    with pytest.raises(ValueError, match=r"learning_rate is 0\.001 there and 0\.1 here"):
        fine_tune(base, SEQUENCES, output=tmp_path / "mine", learning_rate=0.1, **QUICK)
    with pytest.raises(ValueError, match="sequences is"):
        fine_tune(base, SEQUENCES[1:], output=tmp_path / "mine", **QUICK)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="holds something else"):
        fine_tune(base, SEQUENCES, output=tmp_path / "full", **QUICK)


def test_a_cell_that_is_run_again_meanwhile_gets_the_training_that_runs(base, tmp_path):
    options = {"steps": 300, "batch": 4, "evaluate_every": 1, "output": tmp_path / "mine"}
    tuning = fine_tune(base, SEQUENCES, **options)
    assert fine_tune(base, SEQUENCES, **options) is tuning
    tuning.cancel()
    tuning.wait(timeout=60, quiet=True)


def test_a_cell_that_is_run_again_after_a_pause_waits_for_the_last_checkpoint(
    base, tmp_path, monkeypatch
):
    writing, go_on = threading.Event(), threading.Event()
    write = TrainingFolder.write

    def slowly(*arguments):
        if not writing.is_set():
            writing.set()
            go_on.wait(30)
        write(*arguments)

    monkeypatch.setattr(TrainingFolder, "write", slowly)
    first = fine_tune(base, SEQUENCES, output=tmp_path / "mine", **QUICK)
    assert writing.wait(30)
    first.pause()
    threading.Timer(0.3, go_on.set).start()
    second = fine_tune(base, SEQUENCES, output=tmp_path / "mine", **QUICK)
    second.wait(timeout=60, quiet=True)
    assert second.to_pandas()["loss"].notna().sum() == QUICK["steps"]
    assert len(list((tmp_path / "mine").glob("checkpoint-*"))) == 1
    assert go_on.is_set()
    assert second is not first


def test_what_cannot_be_trained_leaves_the_folder_for_what_can(base, tmp_path):
    with pytest.raises(ModelError, match="smaller rank"):
        fine_tune(base, SEQUENCES, rank=1000, output=tmp_path / "mine", **QUICK)
    tuning = finished(base, SEQUENCES, output=tmp_path / "mine", **QUICK)
    assert tuning.progress.status == "finished"


@pytest.mark.parametrize(
    "content", ['{"foo": 1}', '{"step": "six"}', '{"step": 6, "rows": [], "best_step": null}']
)
def test_a_foreign_checkpoint_is_told(base, tmp_path, content):
    folder = tmp_path / "mine"
    finished(base, SEQUENCES, output=folder, **QUICK)
    (latest,) = folder.glob("checkpoint-*")
    (latest / "course.json").write_text(content)
    if "rows" in content:
        save_file({"other": torch.zeros(2)}, latest / "weights.safetensors")
    with pytest.raises(ValueError, match=r"does not fit this training .*delete it"):
        fine_tune(base, SEQUENCES, output=folder, **QUICK)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_file_is_not_taken_for_a_folder(base, tmp_path, method):
    """transformers would write nothing and say nothing."""
    tuning = finished(base, SEQUENCES, method=method, **QUICK)
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(ValueError, match="notes is a file: give a folder"):
        tuning.save(tmp_path / "notes")
    assert (tmp_path / "notes").read_text() == "mine"


def test_the_folder_of_the_model_itself_is_never_written_to(tmp_path, tiny_esm2):
    own = shutil.copytree(tiny_esm2, tmp_path / "own")
    before = {path.name: path.read_bytes() for path in own.iterdir()}
    tuning = finished(load_model(own, device="cpu"), SEQUENCES, method="full", **QUICK)
    with pytest.raises(ValueError, match="own holds own itself: give a folder of its own"):
        tuning.save(own)
    assert {path.name: path.read_bytes() for path in own.iterdir()} == before
