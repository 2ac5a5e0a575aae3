"""ESM C in every function and view: what each shows against a plain loop through transformers.

Scans, mutations, the Jacobian, attention and the superposed pass have oracle tests of their own
that take in ESM C; here is the rest, and what each says where ESM C has no contact head.
"""

import time

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

import plmwidgets as plm
from plmwidgets.alphabet import AMINO_ACIDS, INDEX
from plmwidgets.metrics import js_distance

PROTEIN = plm.Protein.demo()
SEQUENCE = PROTEIN.sequence


@pytest.fixture(scope="module")
def model(tiny_esmc):
    return plm.load_model(tiny_esmc)


@pytest.fixture(scope="module")
def plain(tiny_esmc):
    """p(i|M), one sequence at a time."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_esmc)
    network = AutoModelForMaskedLM.from_pretrained(tiny_esmc).eval()
    columns = tokenizer.convert_tokens_to_ids(list(AMINO_ACIDS))

    def rows(masked=(), letters=SEQUENCE):
        tokens = tokenizer(letters, return_tensors="pt")
        for i in masked:
            tokens["input_ids"][0, i + 1] = tokenizer.mask_token_id
        with torch.no_grad():
            logits = network(**tokens).logits[0, 1:-1][:, columns].double()
        return torch.log_softmax(logits, -1).numpy()

    return rows


def done(work):
    work.wait(120, quiet=True)
    return work


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.01)


def check_predict(model, plain):
    found = plm.predict(PROTEIN, model, masked={3, 30}, substitutions={5: "W"})
    letters = SEQUENCE[:5] + "W" + SEQUENCE[6:]
    np.testing.assert_allclose(found, np.exp(plain({3, 30}, letters)), atol=1e-5)


def check_precisions(model, plain):
    want = np.array([plain({i})[i] for i in range(len(SEQUENCE))])
    assert model.precisions == ("reference", "preview")
    for precision, error in (("reference", 1e-4), ("preview", 0.2)):
        found = plm.scan_singles(PROTEIN, model, precision=precision).log_probabilities
        np.testing.assert_allclose(found, want, atol=error)


def check_superposed(model, plain):
    exact, estimated = (
        done(plm.scan_pairs(PROTEIN, model, method=method)) for method in ("exact", "superposed")
    )
    i, j = np.triu_indices(len(SEQUENCE), 1)
    values = [scan.values("js_dist_avg")[i, j] for scan in (exact, estimated)]
    assert np.corrcoef(*values)[0, 1] > 0.98
    assert estimated.audit.pairs_audited == 200


def check_joint(model, plain):
    found = plm.joint(PROTEIN, model, 3, 30)
    first = np.exp(plain({3, 30})[3])
    then = [np.exp(plain({30}, SEQUENCE[:3] + a + SEQUENCE[4:])[30]) for a in AMINO_ACIDS]
    np.testing.assert_allclose(found.i_first, first[:, None] * np.array(then), atol=1e-6)


def check_windows(model, plain):
    found = plm.scan_windows(PROTEIN, model, size=40, overlap=20)
    found.wait()
    first = js_distance(*(plain(masked, SEQUENCE[:40])[0] for masked in ({0}, {0, 1})))
    assert found.matrix("js_dist").iloc[0, 1] == pytest.approx(first, abs=1e-3)


def check_compare(model, plain):
    found = plm.compare(PROTEIN, [model])
    try:
        assert "tiny-esmc" in repr(found)
    finally:
        for scan in found.scans.values():
            scan.cancel()


def check_attention_contacts(model, plain):
    found = plm.attention(PROTEIN, model, masked={3})
    assert found.contacts(1, 2).shape == (len(SEQUENCE), len(SEQUENCE))
    assert found.precision().shape == (2, 4)


def check_no_contact_head(model, plain):
    for call in (
        lambda: plm.predict_contacts(PROTEIN, model),
        lambda: plm.recovery(PROTEIN, model, "20-41"),
    ):
        with pytest.raises(plm.ModelError, match=r"has no trained contact head.*jacobian"):
            call()


def check_wild_type_scores(model, plain):
    with pytest.warns(UserWarning, match=r"returns only .*context='masked'"):
        found = plm.mutation_scores(PROTEIN, model, "wild-type")
    np.testing.assert_allclose(found.log_probabilities, plain(), atol=1e-4)


def check_variants(model, plain):
    (score,) = plm.score_variants(PROTEIN, model, ["M1A"])["score"]
    row = plain({0})[0]
    assert score == pytest.approx(row[INDEX["A"]] - row[INDEX["M"]], abs=1e-4)


def check_recovery(model, plain):
    found = done(plm.recovery(PROTEIN, model, "20-41", using="jacobian"))
    assert found.is_complete
    whole = found.curve()["median"].iloc[-1]
    assert whole == pytest.approx(1, abs=1e-4)  # all shown: the same map


def check_minimal_context(model, plain):
    found = done(plm.minimal_context(PROTEIN, model, 30, limit=3))
    hidden = set(range(len(SEQUENCE))) - set(found.context)
    assert found.probability == pytest.approx(np.exp(plain(hidden)[30, INDEX["A"]]), abs=1e-5)


def check_plan(model, plain):
    assert plm.plan_scan(PROTEIN, model).model == "tiny-esmc"


CHECKS = [value for name, value in globals().items() if name.startswith("check_")]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_every_function_takes_esm_c(check, model, plain):
    check(model, plain)


def test_the_explorer_shows_what_esm_c_believes(model, plain, tmp_path):
    page = plm.Explorer(PROTEIN, model)
    page.selection.masked = {3, 30}
    wait_for(lambda: not page.live.pending)
    shown = page.distributions.to_pandas()
    np.testing.assert_allclose(shown[list(AMINO_ACIDS)], np.exp(plain({3, 30})), atol=1e-5)
    page.to_html(tmp_path / "page.html", singles=False)
    page.close()


def test_pages_of_the_methods_take_esm_c_or_say_what_it_lacks(model):
    page = plm.AttentionExplorer(PROTEIN, model)
    wait_for(lambda: page.grid.drawn > 0)
    assert page.grid.error == ""
    page.close()
    page = plm.MutationExplorer(PROTEIN, model)
    done(page.scores["masked"])
    assert page.scores["masked"].computed.all()
    page.close()
    page = plm.RecoveryExplorer(PROTEIN, model)
    assert "no trained contact head" in page.view.problem
    page.view.using = "jacobian"
    assert page.view.problem == ""
    page.close()
