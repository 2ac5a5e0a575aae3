"""Traces of unmasking: repeated, forked, read as tables, and kept in files."""

import json

import numpy as np
import pytest
from toy_models import ToyModel
from unmasking_tools import HIDDEN, PROTEIN, many

from plmwidgets import metrics
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.schedules import revealed_counts
from plmwidgets.methods.unmasking.decoding import STRATEGIES
from plmwidgets.methods.unmasking.unmask import unmask
from plmwidgets.models.masked_lm import Context
from plmwidgets.protein import Protein

# Repeating


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_same_seed_is_the_same_trace_whatever_else_is_computed(strategy):
    model = ToyModel("repeat")
    alone = unmask(PROTEIN, model, HIDDEN, strategy, seed=5, temperature=0.8, top_p=0.9)
    again = unmask(PROTEIN, model, HIDDEN, strategy, seed=5, temperature=0.8, top_p=0.9)
    options = {"strategy": strategy, "temperature": 0.8, "top_p": 0.9}
    beside = many(PROTEIN, model, HIDDEN, range(3, 9), **options)[2]
    for step, other, third in zip(alone.steps, again.steps, beside.steps, strict=True):
        for name in ("positions", "columns", "log_probabilities", "entropies"):
            np.testing.assert_array_equal(getattr(step, name), getattr(other, name))
            np.testing.assert_array_equal(getattr(step, name), getattr(third, name))
    assert unmask(PROTEIN, model, HIDDEN, strategy, seed=6).sequence != alone.sequence


@pytest.mark.parametrize("strategy", [one for one in STRATEGIES if one != "one-shot"])
def test_a_fork_without_changes_is_the_same_bit_for_bit(strategy):
    model = ToyModel("forked")
    trace = unmask(PROTEIN, model, HIDDEN, strategy, steps=5, seed=2, anneal=True)
    for at in range(5):
        branch = trace.fork(at)
        assert branch.sequence == trace.sequence
        assert branch.log_probability == trace.log_probability
        assert (branch.passes, branch.forked_at) == (trace.passes, at)
        assert branch.to_pandas().equals(trace.to_pandas())


def test_a_fork_keeps_what_was_before_it():
    model = ToyModel("branches")
    trace = unmask(PROTEIN, model, HIDDEN, "random", steps=5)
    other = trace.fork(3, seed=9)
    assert other.steps[:3] == trace.steps[:3]
    assert other.sequence != trace.sequence
    assert other.sequence_after(2) == trace.sequence_after(2)
    longer = trace.fork(3, strategy="entropy", at_a_time=1)
    left = sum(trace.plan.counts[3:])
    assert longer.plan.counts == (*trace.plan.counts[:3], *[1] * left)
    assert longer.passes == 3 + left
    rest = trace.fork(2, strategy="one-shot")
    assert len(rest) == 3
    assert rest.fork(2).sequence == rest.sequence
    assert unmask(PROTEIN, model, HIDDEN).fork(0, strategy="random").passes == 8
    with pytest.raises(ValueError, match="no step 5 to fork at: they are 0 to 4"):
        trace.fork(5)
    with pytest.raises(TypeError, match="fork has no option 'sed'"):
        trace.fork(1, sed=3)
    assert trace.fork(1, strategy="pair-guided").passes > 5


# What a trace tells


def test_a_fork_keeps_the_schedule_and_the_number_of_steps_unless_stated(tmp_path):
    model = ToyModel("fork schedule")
    trace = unmask(PROTEIN, model, range(16), "random", steps=8, schedule="linear")
    assert trace.plan.counts == (2,) * 8
    assert trace.fork(4, steps=4).plan.counts == trace.plan.counts
    assert trace.fork(4, steps=2).plan.counts == (2, 2, 2, 2, 4, 4)
    cubic = trace.fork(4, schedule="cubic")
    assert cubic.plan.counts == (2, 2, 2, 2, *revealed_counts(8, 4, "cubic"))
    cubic.save(tmp_path / "cubic.npz")
    loaded = type(trace).load(tmp_path / "cubic.npz", model=model)
    assert loaded.fork(4, steps=4).plan.counts == cubic.plan.counts


def test_tables_agree_with_the_steps():
    trace = unmask(PROTEIN, ToyModel("tables"), HIDDEN, "entropy", steps=4, seed=1)
    table, steps = trace.to_pandas(), trace.per_step()
    assert sorted(table["position"]) == list(HIDDEN)
    assert table["label"].iloc[0] == PROTEIN.residue_labels[table["position"].iloc[0]]
    assert steps["count"].tolist() == list(trace.plan.counts)
    assert steps["hidden"].iloc[-1] == 0
    assert steps["entropy_left"].iloc[-1] == 0
    assert steps["log_probability"].iloc[-1] == pytest.approx(trace.log_probability)
    assert steps["identity"].iloc[-1] == pytest.approx(trace.identity)
    same = [a == b for a, b in zip(trace.sequence, PROTEIN.sequence, strict=True)]
    assert trace.identity == pytest.approx(np.mean([same[i] for i in HIDDEN]))
    # Entropy and probability are those of the context at that step.
    row = table[table["step"] == 2].iloc[0]
    known = {i: trace.sequence[i] for i in HIDDEN if trace.step_of[i] < 2}
    hidden = [i for i in HIDDEN if i not in known]
    log_p = ToyModel().expected(Context.of(PROTEIN.sequence, hidden, known)).astype(float)
    column = AMINO_ACIDS.index(row["amino_acid"])
    assert row["log_probability"] == pytest.approx(log_p[row["position"], column])
    assert row["entropy"] == pytest.approx(metrics.entropy(log_p)[row["position"]])
    others = [i for i in hidden if i not in trace.steps[2].positions]
    assert steps["entropy_left"][2] == pytest.approx(metrics.entropy(log_p)[others].sum())
    assert trace.sequence_after(-1, hidden="-").count("-") == len(HIDDEN)
    assert "entropy, 12 residues in 4 steps and 4 passes" in repr(trace)
    with pytest.raises(ValueError, match="no step 4"):
        trace.sequence_after(4)


# Files


def test_a_saved_trace_comes_back_and_forks_the_same(tmp_path):
    model = ToyModel("saved trace")
    pairs = np.random.default_rng(1).random((20, 20))
    trace = unmask(PROTEIN, model, HIDDEN, "pair-guided", steps=4, pairs=pairs).fork(1, seed=3)
    trace.save(tmp_path / "one.npz")
    loaded = type(trace).load(tmp_path / "one.npz", model=model)
    assert loaded.to_pandas().equals(trace.to_pandas())
    assert loaded.per_step().equals(trace.per_step())
    assert (loaded.plan, loaded.forked_at) == (trace.plan, 1)
    assert loaded.fork(2, seed=8).sequence == trace.fork(2, seed=8).sequence
    assert repr(loaded) == repr(trace)
    with pytest.raises(RuntimeError, match="load it with model="):
        type(trace).load(tmp_path / "one.npz").fork(1)
    with pytest.raises(ValueError, match="not of 'another toy'"):
        type(trace).load(tmp_path / "one.npz", model=ToyModel("another toy"))
    with pytest.raises(ValueError, match="whose sequence differs"):
        type(trace).load(tmp_path / "one.npz", protein=Protein("ACDEF"))


def test_files_that_hold_no_trace_are_refused(tmp_path):
    trace = unmask(PROTEIN, ToyModel("damaged trace"), HIDDEN, "random", steps=4)
    load = type(trace).load
    with pytest.raises(ValueError, match="unmasking traces are kept as"):
        trace.save(tmp_path / "trace.csv")
    with pytest.raises(FileNotFoundError, match=r"there is no file 'missing\.npz' in /"):
        load(tmp_path / "missing.npz")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(ValueError, match="holds no unmasking trace"):
        load(tmp_path / "text.npz")
    trace.save(tmp_path / "whole.npz")
    with np.load(tmp_path / "whole.npz") as archive:
        whole = dict(archive)
    changes = {
        "columns": whole["columns"] + 20,
        "positions": whole["positions"][::-1][:-1],
        "entropies": whole["entropies"][:, 1:],
        "passes": whole["passes"][1:],
        "description": np.array(str(whole["description"]).replace("random", "greedy")),
    }
    for name, value in changes.items():
        np.savez(tmp_path / "wrong.npz", **{**whole, name: value})
        with pytest.raises(ValueError, match="holds no unmasking trace"):
            load(tmp_path / "wrong.npz")
    twice = whole["positions"].copy()
    twice[0] = twice[1]
    np.savez(tmp_path / "twice.npz", **{**whole, "positions": twice})
    with pytest.raises(ValueError, match="each hidden residue once"):
        load(tmp_path / "twice.npz")
    np.savez(tmp_path / "float.npz", **{**whole, "positions": whole["positions"].astype(float)})
    with pytest.raises(ValueError, match="each hidden residue once"):
        load(tmp_path / "float.npz")
    described = json.loads(str(whole["description"]))
    for name, value in {"provenance": [], "plan": {**described["plan"], "schedule": "?"}}.items():
        text = json.dumps({**described, name: value})
        np.savez(tmp_path / "wrong.npz", **{**whole, "description": text})
        with pytest.raises(ValueError, match="holds no unmasking trace"):
            load(tmp_path / "wrong.npz")


def test_a_trace_is_loaded_by_the_names_of_its_protein_and_model(tmp_path):
    trace = unmask(Protein.demo(), "demo", [3, 4], "random")
    trace.save(tmp_path / "demo.npz")
    loaded = type(trace).load(tmp_path / "demo.npz", Protein.demo().sequence, "demo")
    assert loaded.fork(1).sequence == trace.sequence
