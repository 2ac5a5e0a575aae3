"""Unmasking against exact sampling, brute force and a model that counts its passes."""

import itertools
from inspect import signature

import numpy as np
import pytest
from scipy import stats
from test_potts import chain
from toy_models import ToyModel
from unmasking_tools import HIDDEN, PROTEIN, many

from plmwidgets import metrics
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.unmasking import sampling
from plmwidgets.methods.unmasking.decoding import STRATEGIES
from plmwidgets.methods.unmasking.plan import OPTIONS, plan_unmasking
from plmwidgets.methods.unmasking.unmask import unmask
from plmwidgets.models.masked_lm import Context, ModelError
from plmwidgets.models.potts import PottsModel
from plmwidgets.protein import Protein
from plmwidgets.scan.start import scan_pairs


def sharp_potts():
    """Five residues in a chain, three likely amino acids each, strongly coupled."""
    random = np.random.default_rng(4)
    fields = random.normal(size=(5, 20)) * 0.3
    fields[:, 3:] -= 9
    edges = np.array([(0, 1), (1, 2), (2, 3), (1, 3), (3, 4)])
    return PottsModel(fields, edges, random.normal(size=(5, 20, 20)) * 1.5, name="sharp")


def letters_of(decodings, masked):
    columns = np.zeros((len(decodings), 64), dtype=int)
    for row, one in enumerate(decodings):
        for step in one.steps:
            columns[row, step.positions] = step.columns
    return columns[:, list(masked)]


# The judge


def test_log_weights_are_log_probabilities_but_for_a_constant():
    model = chain(length=4)
    sequences = ["".join(letters) for letters in itertools.product(AMINO_ACIDS[:6], repeat=2)]
    sequences = [f"A{one}F" for one in sequences]
    weights = model.log_weights(sequences)
    assert weights.shape == (36,)
    # log p(x_1, x_2 | rest) by the chain rule, from the model's own conditionals.
    exact = []
    for sequence in sequences:
        first = model.log_probabilities([Context.of(sequence, (1, 2))])[0, 1]
        second = model.log_probabilities([Context.of(sequence, (2,))])[0, 2]
        exact.append(first[AMINO_ACIDS.index(sequence[1])] + second[AMINO_ACIDS.index(sequence[2])])
    np.testing.assert_allclose(weights - weights[0], np.array(exact) - exact[0], atol=1e-12)
    with pytest.raises(ModelError, match="exactly 4 residues"):
        model.log_weights(["ACDEF"])
    for wrong in ("ACDE", None, [None], Protein("ACDE")):
        with pytest.raises(TypeError, match="takes a list of sequences"):
            model.log_weights(wrong)


# Exact sampling


def enumerated(model, sequence, masked):
    """p(x_M | visible) of all completions, (20,) * M."""
    completions = []
    for columns in itertools.product(range(20), repeat=len(masked)):
        letters = list(sequence)
        for position, column in zip(masked, columns, strict=True):
            letters[position] = AMINO_ACIDS[column]
        completions.append("".join(letters))
    weights = model.log_weights(completions)
    p = np.exp(weights - weights.max())
    return (p / p.sum()).reshape((20,) * len(masked))


def chi_squared(columns, p):
    """p-value of the observed completions; rare ones are pooled."""
    expected = p.ravel() * len(columns)
    observed = np.bincount(np.ravel_multi_index(columns.T, p.shape), minlength=p.size).astype(float)
    often = expected >= 5
    pooled = [(observed[~often].sum(), expected[~often].sum())]
    table = [*zip(observed[often], expected[often], strict=True), *pooled]
    found = [(o, e) for o, e in table if e > 0.5]
    value = sum((o - e) ** 2 / e for o, e in found)
    return stats.chi2.sf(value, len(found) - 1)


@pytest.mark.parametrize(
    "options",
    [
        {"strategy": "random"},
        {"strategy": "entropy"},
        {"strategy": "left-to-right"},
        {"strategy": "pair-guided", "order": "entropy"},
    ],
    ids=lambda options: options["strategy"],
)
def test_one_at_a_time_is_exact_sampling(options):
    model, masked = sharp_potts(), (1, 2, 3)
    protein = Protein("ACDAC", name="five")
    found = many(protein, model, masked, range(3000), at_a_time=1, **options)
    p = enumerated(model, protein.sequence, masked)
    assert chi_squared(letters_of(found, masked), p) > 0.001


@pytest.mark.parametrize("strategy", ["one-shot", "max-probability"])
def test_what_is_not_exact_is_found_not_to_be(strategy):
    model, masked = sharp_potts(), (1, 2, 3)
    protein = Protein("ACDAC", name="five")
    options = {} if strategy == "one-shot" else {"at_a_time": 1}
    found = many(protein, model, masked, range(3000), strategy=strategy, **options)
    p = enumerated(model, protein.sequence, masked)
    assert chi_squared(letters_of(found, masked), p) < 1e-6


# Brute force


def slow(model, protein, masked, counts, key):
    """Argmax decoding in the obvious way: (position, letter, step)."""
    known, found = {}, []
    for step, count in enumerate(counts):
        hidden = [i for i in masked if i not in known]
        log_p = model.expected(Context.of(protein.sequence, hidden, known)).astype(float)
        ranked = sorted(hidden, key=lambda i: key(i, log_p[i]))
        for i in ranked[:count]:
            known[i] = AMINO_ACIDS[int(log_p[i].argmax())]
            found.append((i, known[i], step))
    return found


@pytest.mark.parametrize(
    ("strategy", "key"),
    [
        ("entropy", lambda i, row: -(np.exp(row) * row).sum()),
        ("max-probability", lambda i, row: -row.max()),
        ("left-to-right", lambda i, row: i),
    ],
)
def test_the_likeliest_are_revealed_as_by_brute_force(strategy, key):
    model = ToyModel(f"argmax {strategy}")
    trace = unmask(PROTEIN, model, HIDDEN, strategy, steps=5, schedule="linear", temperature=0)
    table = trace.to_pandas()
    got = list(zip(table["position"], table["amino_acid"], table["step"], strict=True))
    assert got == slow(model, PROTEIN, HIDDEN, trace.plan.counts, key)


def test_random_reveals_in_an_order_of_its_own():
    found = many(PROTEIN, ToyModel("order"), HIDDEN, range(40), strategy="random")
    first = [one.steps[0].positions[0] for one in found]
    assert len(set(first)) > 6  # of twelve


def guided_slowly(model, protein, masked, counts, threshold, dependence):
    """Pair-guided argmax decoding in the obvious way, in the order of entropy."""
    known, steps = {}, []
    for count in counts:
        hidden = [i for i in masked if i not in known]
        base = model.expected(Context.of(protein.sequence, hidden, known)).astype(float)
        draws = {i: AMINO_ACIDS[int(base[i].argmax())] for i in hidden}
        ranked = sorted(hidden, key=lambda i: -(np.exp(base[i]) * base[i]).sum())
        step = ranked if count == len(ranked) else ranked[:1]
        while len(step) < count:
            ties = {
                i: max(dependence(i, j, base, hidden, known, draws) for j in step)
                for i in ranked
                if i not in step
            }
            fits = [i for i in ties if ties[i] < threshold]
            step.append(fits[0] if fits else min(ties, key=ties.get))
        known |= {i: draws[i] for i in step}
        steps.append(step)
    return steps


@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.3, 1.0])
def test_pair_guided_by_a_map_is_as_by_brute_force(threshold):
    model = ToyModel("guided by a map")
    pairs = np.random.default_rng(1).random((20, 20)) / 2
    trace = unmask(
        PROTEIN,
        model,
        HIDDEN,
        "pair-guided",
        steps=4,
        temperature=0,
        pairs=pairs,
        order="entropy",
        threshold=threshold,
    )
    want = guided_slowly(
        model,
        PROTEIN,
        HIDDEN,
        trace.plan.counts,
        threshold,
        lambda i, j, *_: max(pairs[i, j], pairs[j, i]),
    )
    assert [step.positions.tolist() for step in trace.steps] == want
    assert (trace.passes, trace.map_passes) == (4, None)


@pytest.mark.parametrize("threshold", [0.0, 0.14, 1.0])
def test_pair_guided_by_probes_is_as_by_brute_force(threshold):
    model = ToyModel("guided by probes")

    def probed(i, j, base, hidden, known, draws):
        context = Context.of(
            PROTEIN.sequence, [h for h in hidden if h != j], {**known, j: draws[j]}
        )
        after = model.expected(context).astype(float)[i]
        return float(metrics.js_divergence(after[None], base[i][None])[0])

    trace = unmask(
        PROTEIN,
        model,
        HIDDEN,
        "pair-guided",
        steps=4,
        temperature=0,
        order="entropy",
        threshold=threshold,
    )
    want = guided_slowly(model, PROTEIN, HIDDEN, trace.plan.counts, threshold, probed)
    assert [step.positions.tolist() for step in trace.steps] == want
    # One probe for each residue of a step but its last; the last step has no choice.
    assert trace.passes == 4 + sum(count - 1 for count in trace.plan.counts[:-1])
    assert trace.map_passes == 0


def test_a_pair_scan_guides_and_its_passes_are_told_apart():
    model = ToyModel("scanned")
    scan = scan_pairs(PROTEIN, model)
    unfinished = scan_pairs(PROTEIN, ToyModel("not scanned", seconds=0.05))
    unfinished.cancel()
    with pytest.raises(ValueError, match=r"does not know 132 of the pairs.*scan\.wait"):
        unmask(PROTEIN, model, HIDDEN, "pair-guided", pairs=unfinished)
    scan.wait(quiet=True)
    by_scan = unmask(PROTEIN, model, HIDDEN, "pair-guided", pairs=scan)
    by_array = unmask(PROTEIN, model, HIDDEN, "pair-guided", pairs=scan.values("js_div"))
    assert by_scan.sequence == by_array.sequence
    assert (by_scan.passes, by_scan.map_passes) == (8, 20 + 190)
    # Steps that are kept were guided by the map, whatever goes on from there.
    assert by_scan.fork(3, strategy="random").map_passes == 20 + 190
    assert by_scan.fork(0, strategy="random").map_passes == 0
    assert by_scan.fork(0, pairs=None).map_passes == 0, "the model is asked in its place"


# Passes


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_passes_are_those_that_the_model_counts(strategy):
    model = ToyModel(f"counting {strategy}")
    trace = unmask(PROTEIN, model, HIDDEN, strategy, seed=3)
    assert trace.passes == sum(map(len, model.calls))
    assert trace.passes == trace.per_step()["passes"].iloc[-1]


def test_hidden_residues_are_not_seen():
    model = ToyModel("blind")
    trace = unmask(PROTEIN, model, HIDDEN, "entropy", steps=3)
    (first,) = model.calls[0]
    assert first == Context(PROTEIN.sequence, HIDDEN)
    (second,) = model.calls[1]
    revealed = {int(i): trace.sequence[i] for i in trace.steps[0].positions}
    left = tuple(i for i in HIDDEN if i not in revealed)
    assert second == Context.of(PROTEIN.sequence, left, revealed)


# Sampling


def test_top_p_keeps_the_smallest_set_and_always_one():
    random = np.random.default_rng(0)
    log_p = np.log(random.dirichlet(np.full(20, 0.4), size=50))
    for mass in (1e-9, 0.1, 0.5, 0.9, 0.999):
        kept = sampling.sampling_probabilities(log_p, 1.0, mass)
        np.testing.assert_allclose(kept.sum(axis=1), 1)
        for row, logs in zip(kept, log_p, strict=True):
            p = np.sort(np.exp(logs))[::-1]
            size = int(np.argmax(p.cumsum() >= mass - 1e-12)) + 1
            assert (row > 0).sum() == size
            assert row[row > 0].min() > 0
            assert set(np.flatnonzero(row)) == set(np.argsort(-logs)[:size])
    even = np.log(np.full((1, 20), 0.05))
    assert (sampling.sampling_probabilities(even, 1.0, 0.5) > 0).sum() == 10


def test_temperature_and_annealing():
    log_p = np.log(np.array([[0.7, 0.2, 0.1, *[1e-9] * 17]]))
    cold = sampling.sampling_probabilities(log_p, 0.5)[0]
    want = np.array([0.49, 0.04, 0.01]) / 0.54
    np.testing.assert_allclose(cold[:3], want, rtol=1e-6)
    assert sampling.sampling_probabilities(log_p, 0.0)[0].tolist() == [1.0] + [0.0] * 19
    # Tiny temperatures are no overflow.
    assert sampling.sampling_probabilities(log_p, 1e-6)[0, 0] == pytest.approx(1)
    by_step = [sampling.annealed(1.0, t, 5) for t in range(5)]
    np.testing.assert_allclose(by_step, [1, 0.75**2, 0.25, 0.25**2, 1e-6])
    assert sampling.annealed(0.8, 0, 1) == pytest.approx(0.64)


def test_draws_have_the_probabilities():
    p = np.array([[0.0, 0.25, 0.0, 0.75, *[0.0] * 16]])
    uniform = (np.arange(400) + 0.5) / 400
    found = sampling.draw(np.repeat(p, 400, axis=0), uniform)
    assert np.bincount(found).tolist() == [0, 100, 0, 300]
    assert sampling.draw(p, np.array([0.0])).tolist() == [1]


@pytest.mark.filterwarnings("error")
def test_next_to_no_temperature_is_none_without_a_warning():
    log_p = np.log(np.random.default_rng(2).dirichlet(np.ones(20), size=3))
    want = sampling.sampling_probabilities(log_p, 0)
    np.testing.assert_array_equal(sampling.sampling_probabilities(log_p, 1e-320), want)


# What is refused


def test_a_plan_takes_what_unmask_takes():
    """The two list the options and their defaults apart."""
    asked, planned = (signature(each).parameters for each in (unmask, plan_unmasking))
    assert {name: asked[name] for name in OPTIONS} == {name: planned[name] for name in OPTIONS}
    assert list(asked) == ["protein", "model", "masked", *OPTIONS]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"masked": ()}, "nothing is hidden"),
        ({"strategy": "greedy"}, "unknown strategy 'greedy': use one of 'one-shot', 'random'"),
        ({"steps": 3}, "one-shot reveals all in one step"),
        ({"strategy": "random", "steps": 13}, "13 steps are too many for 12 hidden residues"),
        ({"strategy": "random", "steps": 0}, "steps=0"),
        ({"strategy": "random", "at_a_time": 13}, "at_a_time=13 is more than the 12"),
        ({"strategy": "random", "at_a_time": 2, "steps": 3}, "not both"),
        ({"strategy": "random", "schedule": "slow"}, "unknown schedule 'slow'"),
        ({"temperature": -1}, "temperature is a number, 0 or more"),
        ({"temperature": float("nan")}, "temperature is a number"),
        ({"temperature": 10**400}, "temperature is a number"),
        ({"anneal": 0.5}, "it is True or False"),
        ({"anneal": "no"}, "it is True or False"),
        ({"top_p": 0}, "top_p is above 0"),
        ({"top_p": 1.1}, "top_p is a number, from 0 to 1"),
        ({"seed": -1}, "seed is a whole number"),
        ({"seed": 1.5}, "seed is a whole number"),
        ({"seed": 2**32}, "seed is a whole number"),
        ({"pairs": np.zeros((20, 20))}, "guides the strategy 'pair-guided' alone"),
        ({"strategy": "entropy", "order": "random"}, "order= guides the .*'pair-guided' alone"),
        ({"strategy": "random", "threshold": 0.1}, "threshold= guides the .* not 'random'"),
        ({"strategy": "pair-guided", "pairs": np.zeros((3, 3))}, "shape"),
        ({"strategy": "pair-guided", "order": "best"}, "unknown order 'best'"),
        ({"strategy": "pair-guided", "threshold": 2}, "threshold is a number, from 0 to 1"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(options, message):
    given = {"masked": HIDDEN, **options}
    with pytest.raises(ValueError, match=message):
        unmask(PROTEIN, ToyModel("refusing"), **given)


def test_positions_and_maps_of_the_wrong_kind_are_refused():
    model = ToyModel("refusing")
    with pytest.raises(IndexError, match="out of range"):
        unmask(PROTEIN, model, [3, 20])
    with pytest.raises(TypeError, match="PairScan or an"):
        unmask(PROTEIN, model, HIDDEN, "pair-guided", pairs="demo")
    other = scan_pairs("ACDEFGHIKL", ToyModel("other"))
    other.wait(quiet=True)
    with pytest.raises(ValueError, match="whose sequence differs"):
        unmask(PROTEIN, model, HIDDEN, "pair-guided", pairs=other)


def test_what_fails_is_told_and_nothing_hangs():
    model = ToyModel("failing")
    model.fails_with = RuntimeError("the machine is on fire")
    with pytest.raises(RuntimeError, match="on fire"):
        unmask(PROTEIN, model, HIDDEN)


def test_steps_are_whole_numbers_and_hidden_residues_one_sign():
    trace = unmask(PROTEIN, ToyModel("asked for steps"), HIDDEN, "random", steps=4)
    assert trace.fork(2.0).sequence == trace.sequence
    assert trace.sequence_after(1.0, "_") == trace.sequence_after(1, "_")
    for wrong in (None, 1.5, True, 4, -2, "1"):
        with pytest.raises(ValueError, match="there is no step"):
            trace.sequence_after(wrong)
    for wrong in ("--", "", 5):
        with pytest.raises(ValueError, match="one sign"):
            trace.sequence_after(1, wrong)
    assert "1 residue in 1 step and 1 pass" in repr(unmask(PROTEIN, "demo", [3]))


def test_a_fork_keeps_what_guides_the_pair_guided_strategy_alone():
    trace = unmask(
        PROTEIN, ToyModel("guided fork"), HIDDEN, "pair-guided", order="random", threshold=0.3
    )
    kept = trace.fork(1, seed=3).plan
    assert (kept.order, kept.threshold) == ("random", 0.3)
    other = trace.fork(1, strategy="entropy")
    assert other.plan.strategy == "entropy"
    with pytest.raises(ValueError, match="order= guides"):
        other.fork(1, order="random")
