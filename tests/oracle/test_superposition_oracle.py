"""The superposed pair pass against its plain definition, pair by pair."""

import shutil
import tempfile
from dataclasses import replace

import checkpoints
import numpy as np
import pytest
import torch
from superposition_reference import SuperposedReference

from plmwidgets.models import Context, ModelError, load_model, sizes, superposition
from plmwidgets.models.masked_lm import PRECISIONS

SEQUENCE = "MKWAYIGKQRHCSF"
LENGTH = len(SEQUENCE)
ALL = np.arange(LENGTH)
BUILD = {
    "tiny_esm2": checkpoints.build_esm2,
    "tiny_esm1b": checkpoints.build_esm1b,
    "tiny_esmc": checkpoints.build_esmc,
}
TOLERANCE = {"double": 1.5e-6, "reference": 2e-5}


@pytest.fixture(scope="module", params=list(BUILD))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def folder(name, request):
    return request.getfixturevalue(name)


@pytest.fixture(scope="module")
def reference(folder):
    return SuperposedReference(folder)


@pytest.fixture(scope="module")
def expected(reference):
    return reference.pairs(SEQUENCE)


@pytest.fixture(scope="module")
def model(folder):
    return load_model(folder, device="cpu")


def finish(steps):
    """Run a pass to its end: the shares it told and its result."""
    shares = []
    while True:
        try:
            shares.append(next(steps))
        except StopIteration as end:
            return shares, end.value


def result_of(model, positions=ALL, precision=None, memory=None):
    return finish(model.pair_pass(SEQUENCE, positions, precision, memory))[1]


def test_reference_is_made_of_the_steps_of_the_network(reference):
    """With two masked tokens, the reference's fixed scale is the one that the network counts."""
    for masked in ([2, 9], [0, LENGTH - 1], [6, 7]):
        # ESM-2's own forward rounds queries and keys to float32.
        np.testing.assert_allclose(
            reference.plain(SEQUENCE, masked),
            reference.network_forward(SEQUENCE, masked),
            atol=2e-6,
        )


@pytest.mark.parametrize("precision", ["double", "reference"])
def test_equals_the_definition(model, expected, reference, precision):
    estimates = result_of(model, precision=precision)
    assert estimates.shape == (LENGTH, LENGTH, 20)
    assert estimates.dtype == np.float32
    assert np.isnan(estimates[ALL, ALL]).all()
    np.testing.assert_allclose(estimates, expected, atol=TOLERANCE[precision])
    # The comparison means something only if it is an approximation, and partners matter.
    exact = reference.network_forward(SEQUENCE, [3, 8])[3]
    assert np.abs(expected[3, 8] - exact).max() > 1e-3
    assert np.abs(expected[3, 8] - expected[3, 5]).max() > 1e-2


def test_default_precision_is_the_first(model):
    np.testing.assert_array_equal(result_of(model), result_of(model, precision=model.precisions[0]))


@pytest.mark.parametrize("positions", [[9, 2, 13, 0], [5, 6], [7]])
def test_some_positions_in_any_order(model, expected, positions):
    estimates = result_of(model, np.array(positions), "double")
    np.testing.assert_allclose(
        estimates, expected[np.ix_(positions, positions)], atol=TOLERANCE["double"]
    )


@pytest.mark.parametrize("scores", [1, 5 * LENGTH * (LENGTH + 2), 10**12])
def test_tiles_do_not_matter(model, expected, scores, monkeypatch):
    monkeypatch.setattr(sizes, "CPU", replace(sizes.CPU, tile_scores=scores))
    estimates = result_of(model, precision="double")
    np.testing.assert_allclose(estimates, expected, atol=TOLERANCE["double"])


def test_batches_do_not_matter(model, expected, monkeypatch):
    monkeypatch.setattr(sizes, "CPU", replace(sizes.CPU, step_work=1, rows=9))
    estimates = result_of(model, precision="double")
    np.testing.assert_allclose(estimates, expected, atol=TOLERANCE["double"])


def scaled_queries(source, target, factor, heads=slice(None)):
    """Copy a checkpoint and scale the queries of some heads, and so their attention scores."""
    shutil.copytree(source, target)

    def scale(weights):
        factors = torch.ones(4, 8)
        factors[heads] = factor
        ends = ("self.query.weight", "self.query.bias", "q_norm.weight")
        for key, weight in weights.items():
            if key.endswith(ends):
                weight *= factors.flatten().reshape(-1, *(1,) * (weight.ndim - 1))
        return weights

    checkpoints.change_weights(target, scale)
    return target


@pytest.mark.parametrize(
    "heads", [slice(None), slice(1), slice(3, 4)], ids=["all", "first", "last"]
)
@pytest.mark.parametrize(("precision", "factor"), [("double", 400), ("reference", 50)])
def test_scores_whose_exponentials_leave_the_range(
    folder, tmp_path, precision, factor, heads, monkeypatch
):
    """Infinite or vanishing sums, of all heads or of one among others that are well."""
    copy = scaled_queries(folder, tmp_path / "copy", factor, heads)
    shifted = []
    attend = superposition._Pass._attend_head

    def record(*arguments):
        shifted.append(arguments[-1])
        return attend(*arguments)

    monkeypatch.setattr(superposition._Pass, "_attend_head", record)
    estimates = result_of(load_model(copy, device="cpu"), precision=precision)
    assert any(shifted) and not all(shifted)
    # Rounding of scores grows with the scores.
    tolerance = 3e-4 if precision == "double" else 5e-3
    np.testing.assert_allclose(estimates, SuperposedReference(copy).pairs(SEQUENCE), atol=tolerance)


@pytest.mark.parametrize("memory", [0, 40_000], ids=["all", "some"])
def test_states_in_files(model, memory, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    real, files = torch.from_file, []
    monkeypatch.setattr(torch, "from_file", lambda *a, **k: files.append(a) or real(*a, **k))
    steps = model.pair_pass(SEQUENCE, ALL, "reference", memory)
    next(steps)
    assert len(files) == 6 if memory == 0 else 0 < len(files) < 6
    # Nothing that a killed process would leave behind, but for an empty folder.
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    _, estimates = finish(steps)
    assert list(tmp_path.iterdir()) == []
    np.testing.assert_array_equal(estimates, result_of(model, precision="reference"))
    assert list(tmp_path.iterdir()) == []


def test_files_of_an_abandoned_pass_are_removed(model, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    steps = model.pair_pass(SEQUENCE, ALL, "reference", 0)
    next(steps)
    assert list(tmp_path.iterdir())
    steps.close()
    assert list(tmp_path.iterdir()) == []


def test_progress_comes_in_many_steps(model, monkeypatch):
    layers = model.network.config.num_hidden_layers
    for scores, least in ((sizes.CPU.tile_scores, 5), (1, 5 * LENGTH)):
        monkeypatch.setattr(sizes, "CPU", replace(sizes.CPU, tile_scores=scores))
        shares, _ = finish(model.pair_pass(SEQUENCE, ALL))
        assert len(shares) > least * layers
        assert 0 < shares[0] < 0.2
        assert shares[-1] == 1
        assert (np.diff(shares) >= 0).all()
        assert np.diff(shares).max() < 0.25


def test_work_between_steps_disturbs_nothing(model):
    calls = [
        ([Context.of(SEQUENCE, [4, 7])], None),
        ([Context.of(SEQUENCE * 2, [20])] * 3, None),
        ([Context.of(SEQUENCE, [4, 7])] * 40, np.tile([4, 7], (40, 1))),
    ]
    alone = [model.log_probabilities(*call) for call in calls]
    undisturbed = [result_of(model), result_of(model, ALL[::-2])]
    passes = [model.pair_pass(SEQUENCE, ALL), model.pair_pass(SEQUENCE, ALL[::-2])]
    estimates = {}
    while len(estimates) < len(passes):
        for index, steps in enumerate(passes):
            try:
                next(steps)
            except StopIteration as end:
                estimates.setdefault(index, end.value)
            for call, values in zip(calls, alone, strict=True):
                np.testing.assert_array_equal(model.log_probabilities(*call), values)
            # Steps run without gradients; what is between them is not to.
            assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
    for index, values in enumerate(undisturbed):
        np.testing.assert_array_equal(estimates[index], values)


def test_abandoned_pass_leaves_the_model_usable(model):
    context = [Context.of(SEQUENCE, [4, 7])]
    before, whole = model.log_probabilities(context), result_of(model)
    for count in (1, 9):
        steps = model.pair_pass(SEQUENCE, ALL)
        for _ in range(count):
            next(steps)
        steps.close()
    assert not torch.is_inference_mode_enabled()
    np.testing.assert_array_equal(model.log_probabilities(context), before)
    np.testing.assert_array_equal(result_of(model), whole)


@pytest.mark.parametrize(("precision", "largest"), [("final", 0.01), ("preview", 0.3)])
def test_half_precisions_are_near(model, expected, precision, largest, monkeypatch):
    monkeypatch.setattr(model, "precisions", PRECISIONS)  # "final" as on a GPU
    estimates = result_of(model, precision=precision)
    off_diagonal = ~np.eye(LENGTH, dtype=bool)
    values = np.exp(estimates[off_diagonal].astype(np.float64))
    np.testing.assert_allclose(values.sum(-1), 1, atol=1e-5)
    difference = np.abs(values - np.exp(expected[off_diagonal]))
    assert 1e-5 < difference.max() < largest
    assert difference.mean() < largest / 10


def test_one_layer_is_exact(name, tmp_path):
    """Keys and values of the first layer are those of each token by itself."""
    folder = BUILD[name](tmp_path / "one", layers=1)
    reference = SuperposedReference(folder)
    estimates = result_of(load_model(folder, device="cpu"), precision="double")
    for i in range(LENGTH):
        for j in range(i + 1, LENGTH):
            exact = reference.network_forward(SEQUENCE, [i, j])
            np.testing.assert_allclose(estimates[i, j], exact[i], atol=2e-6)
            np.testing.assert_allclose(estimates[j, i], exact[j], atol=2e-6)


def test_sequence_is_checked_before_anything_else(tiny_esm1b):
    model = load_model(tiny_esm1b, device="cpu")
    with pytest.raises(ModelError, match="at most 128 residues"):
        next(model.pair_pass("A" * 129, ALL))


def test_a_full_disk_is_told_before_the_pass_begins(tiny_esm2, monkeypatch):
    model = load_model(tiny_esm2, device="cpu")
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100))
    with pytest.raises(ModelError, match=r"1e-07 GB free: free some space, set TMPDIR"):
        next(model.pair_pass(SEQUENCE, ALL, "reference", 0))
