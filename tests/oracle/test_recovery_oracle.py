"""Contact recovery against a plain loop of its definition, on real checkpoints."""

import numpy as np
import pytest

from plmwidgets.methods.recovery.recovery import recovery
from plmwidgets.models import Context, load_model
from plmwidgets.protein import Protein

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQA"
SEGMENT = (10, 22)


def shown(strategy, seed, k):
    """What is visible, by the definition: the flanks, or a shuffled list cut off."""
    inside = set(range(*SEGMENT))
    if strategy == "flanking":
        return inside | {i for i in range(len(SEQUENCE)) if 10 - k <= i < 22 + k}
    outside = [i for i in range(len(SEQUENCE)) if i not in inside]
    count = min(k, 10) + min(k, len(SEQUENCE) - 22)
    return inside | set(np.random.default_rng(seed).permutation(outside)[:count].tolist())


def hiding(visible):
    return Context(SEQUENCE, tuple(i for i in range(len(SEQUENCE)) if i not in visible))


def jacobian_map(model, context):
    """The fast Jacobian, a loop over every residue that is hidden as well."""
    length = len(SEQUENCE)
    rows = [
        model.log_probabilities([Context(SEQUENCE, tuple(sorted({*context.masked, n})))])[0]
        for n in range(length)
    ]
    changes = np.array(rows, dtype=np.float64)
    for axis in (2, 1, 0):
        changes = changes - changes.mean(axis, keepdims=True)
    norms = np.sqrt((changes**2).sum(-1))
    np.fill_diagonal(norms, 0)
    norms = (norms + norms.T) / 2
    scores = norms - norms.sum(1, keepdims=True) * norms.sum(0, keepdims=True) / norms.sum()
    np.fill_diagonal(scores, 0)
    return np.maximum(scores, 0)


def head_map(model, context):
    return model.contact_probabilities([context])[0].astype(np.float64)


@pytest.mark.parametrize("strategy", ["flanking", "random"])
@pytest.mark.parametrize("using", ["contact-head", "jacobian"])
def test_against_the_definition(tiny_esm2, strategy, using):
    map_of = head_map if using == "contact-head" else jacobian_map
    model = load_model(tiny_esm2, device="cpu", contact_head=True)
    flanks = (0, 3, 11)
    found = recovery(
        Protein(SEQUENCE), model, SEGMENT, strategy=strategy, flanks=flanks, seeds=2, using=using
    )
    found.wait(quiet=True)
    whole = map_of(model, Context(SEQUENCE))[10:22, 10:22]
    for seed, k, _, r, recovered in found.to_pandas().itertuples(index=False):
        partial = map_of(model, hiding(shown(strategy, seed, k)))[10:22, 10:22]
        want = sum(whole[i, j] * partial[i, j] for i in range(12) for j in range(12)) / sum(
            whole[i, j] ** 2 for i in range(12) for j in range(12)
        )
        assert r == pytest.approx(want, rel=1e-4)
        assert recovered == (want > 0.5)
    assert found.computed == found.values.size


def test_with_all_visible_everything_is_recovered(tiny_esm2):
    model = load_model(tiny_esm2, device="cpu", contact_head=True)
    for using in ("contact-head", "jacobian"):
        found = recovery(Protein(SEQUENCE), model, SEGMENT, flanks=(12,), using=using)
        found.wait(quiet=True)
        assert found.curve().loc[12, "median"] == pytest.approx(1, abs=1e-5)


def test_a_pairs_block_is_that_between_the_two(tiny_esm2):
    model = load_model(tiny_esm2, device="cpu", contact_head=True)
    found = recovery(Protein(SEQUENCE), model, (20, 28), partner=(4, 9), flanks=(2,))
    found.wait(quiet=True)
    visible = {*range(2, 9), *range(20, 30)}  # grown outwards alone
    p0 = head_map(model, Context(SEQUENCE))[4:9, 20:28]
    p1 = head_map(model, hiding(visible))[4:9, 20:28]
    assert found.values[0, 0] == pytest.approx((p0 * p1).sum() / (p0 * p0).sum(), rel=1e-4)
