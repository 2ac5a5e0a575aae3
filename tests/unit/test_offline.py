"""What a page without a kernel records, and how it is written; tests/browser opens it."""

import base64
import json
import re
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from toy_models import NanModel, ToyModel
from view_tools import wait_for

from plmwidgets.map_styles import METRICS, STRUCTURE
from plmwidgets.models.masked_lm import Context, ModelError
from plmwidgets.offline.contexts import answers, wanted_contexts
from plmwidgets.offline.packing import (
    PROBABILITY_ERROR,
    pack_envelope,
    pack_map,
    pack_probabilities,
    pack_text,
)
from plmwidgets.offline.page import page_of
from plmwidgets.offline.record import record_of
from plmwidgets.protein import Protein
from plmwidgets.scan.start import predict, scan_singles
from plmwidgets.widgets.colouring import LIVE
from plmwidgets.widgets.explorer import Explorer
from plmwidgets.widgets.live import LivePrediction
from plmwidgets.widgets.normalisation import NORMALISATIONS, normalise
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.view import envelope

HOSTILE = "<img src=x onerror=alert(1)></script>\u2028&amp;"


def unpacked(packed):
    """The numbers of an array in a page, read as js/src/page/packing.ts reads them."""
    width = {"float32": 4, "uint8": 1, "sqrt16": 2, "linear16": 2}[packed["dtype"]]
    planes = np.frombuffer(zlib.decompress(base64.b64decode(packed["data"])), np.uint8)
    values = np.ascontiguousarray(planes.reshape(width, -1).T)
    if packed["dtype"] in ("float32", "uint8"):
        return values.view(packed["dtype"]).reshape(packed["shape"])
    codes = values.view("<u2").reshape(packed["shape"])
    steps = np.where(codes == 65535, np.nan, codes.astype(np.float64))
    if packed["dtype"] == "sqrt16":
        return (steps / 65534) ** 2
    return packed["low"] + packed["step"] * steps


# Packing


@given(hnp.arrays(np.float64, st.integers(1, 50), elements=st.floats(0, 1)))
def test_probabilities_are_within_the_stated_error(p):
    p[::7] = np.nan
    got = unpacked(pack_probabilities(p))
    assert np.array_equal(np.isnan(got), np.isnan(p))
    known = ~np.isnan(p)
    error = np.abs(got - p)[known]
    assert (error <= PROBABILITY_ERROR).all()
    # smaller for small ones: (sqrt p ± half a step)² - p
    step = 0.5 / 65534
    assert (error <= 2 * np.sqrt(p[known]) * step + step**2 + 1e-15).all()


@given(hnp.arrays(np.float64, st.integers(1, 50), elements=st.floats(-1e6, 1e6)))
def test_maps_are_within_half_a_step(values):
    values[::7] = np.nan
    got = unpacked(pack_map(values))
    assert np.array_equal(np.isnan(got), np.isnan(values))
    known = values[~np.isnan(values)]
    if known.size:
        half = (known.max() - known.min()) / 65534 / 2
        assert np.abs(got - values)[~np.isnan(values)].max() <= half * (1 + 1e-9) + 1e-9


def test_yes_and_no_stay_what_they_are():
    values = np.array([[np.nan, 0.0], [1.0, np.nan]])
    assert np.array_equal(unpacked(pack_map(values)), values, equal_nan=True)
    constant = np.full((2, 2), 0.25)
    assert np.array_equal(unpacked(pack_map(constant)), constant)
    assert np.isnan(unpacked(pack_map(np.full(3, np.nan)))).all()


@pytest.mark.parametrize("values", [np.linspace(-3, 1e9, 7), np.array([[True, False]])])
def test_what_views_hold_is_packed_exactly(values):
    held = envelope(values)
    assert unpacked(pack_envelope(held)).tobytes() == held["data"]


def test_text_is_packed_as_it_is():
    assert zlib.decompress(base64.b64decode(pack_text("a <b> é"))).decode() == "a <b> é"


# Contexts


def test_each_context_is_wanted_once():
    protein = Protein("MKTAY")
    visited = [Context.of("MKTAY", [1]), Context.of("MKTAY", [0, 4], {2: "W"})]
    listed = wanted_contexts(protein, visited, True, ["2-3", {1, 2}, []])
    assert [c.masked for c in listed] == [(), (0,), (1,), (2,), (3,), (4,), (1, 2), (0, 4)]
    assert listed[-1].substitutions == ((2, "W"),)
    assert len(wanted_contexts(protein, [], False, [])) == 1
    with pytest.raises(ValueError, match="there is no residue 9"):
        wanted_contexts(protein, [], False, ["9"])
    with pytest.raises(TypeError, match=r"\['2-3'\]"):
        wanted_contexts(protein, [], False, "2-3")


def test_what_is_known_is_not_asked_again():
    model = ToyModel()
    contexts = [Context("MKTAY", (i,)) for i in range(5)]
    given_rows = np.log(np.full((5, 20), 0.05, np.float32))
    got = answers(model, contexts, {contexts[2]: given_rows})
    assert got[2] == pytest.approx(0.05)
    want = predict("MKTAY", model, masked=[3]).to_numpy()
    assert got[3] == pytest.approx(want, abs=1e-6)


def test_a_prediction_remembers_the_latest_contexts(monkeypatch):
    monkeypatch.setattr("plmwidgets.widgets.live.MAX_VISITED", 3)
    protein = Protein("MKTAYIAKQRQISFVKSHFSRQ")
    selection = Selection(protein)
    live = LivePrediction(protein, ToyModel(), selection)

    def look(*masked):
        selection.masked = masked
        wait_for(lambda: live.prediction and live.prediction.context.masked == masked, seconds=20)
        return [past.context.masked for past in live.visited]

    look(3)
    assert look(3, 7)[-2:] == [(3,), (3, 7)]
    assert look(3)[-2:] == [(3, 7), (3,)], "each once, the latest last"
    look(4)
    assert look(5) == [(3,), (4,), (5,)]


# The record


@pytest.fixture(scope="module")
def explorer():
    made = Explorer(Protein.demo(), "demo")
    made.scan.start()
    made.scan.wait()
    made.selection.masked = [3, 7, 12]
    wait_for(
        lambda: made.live.prediction and made.live.prediction.context.masked == (3, 7, 12),
        seconds=20,
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def record(explorer):
    return record_of(explorer, singles=True, contexts=["3-5"])


def test_every_context_of_the_page_is_the_models(explorer, record):
    length = len(explorer.protein)
    masked = [context[0] for context in record["contexts"]]
    assert masked[: length + 1] == [[], *([i] for i in range(length))]
    assert masked[length + 1 :] == [[2, 3, 4], [3, 7, 12]]
    p = unpacked(record["probabilities"])
    for k in (0, 1, 40, length + 1, length + 2):
        want = predict(explorer.protein, explorer.model, masked=masked[k]).to_numpy()
        assert np.abs(p[k] - want).max() <= PROBABILITY_ERROR + 1e-6


def test_the_pairs_are_the_scans(explorer, record):
    pairs = unpacked(record["pairs"])
    own = np.arange(len(explorer.protein))
    off = ~np.eye(len(own), dtype=bool)
    want = np.exp(explorer.scan.log_probabilities.astype(np.float64))
    assert np.abs(pairs - want)[off].max() <= PROBABILITY_ERROR
    assert np.abs(pairs[own, own] - explorer.scan.single.probabilities).max() <= PROBABILITY_ERROR


def test_every_map_is_there_in_every_normalisation(explorer, record):
    contents, arrays = record["maps"]["contents"], record["maps"]["arrays"]
    assert contents.keys() == NORMALISATIONS.keys()
    for how in NORMALISATIONS:
        assert contents[how].keys() == (METRICS | STRUCTURE).keys()
    for how, name in [("none", "pmi"), ("apc", "js_dist"), ("separation_z", "js_dist_avg")]:
        want = explorer.scan.values(name)
        want = want if how == "none" else normalise(how, want)
        got = unpacked(arrays[contents[how][name]["values"]])
        assert np.nanmax(np.abs(got - want)) <= np.nanmax(np.ptp(want[~np.isnan(want)])) / 131000
    assert contents["apc"]["contacts"]["values"] == contents["none"]["contacts"]["values"]
    assert "APC" in contents["apc"]["js_dist_avg"]["label"]


def test_what_is_recorded_is_said(record):
    assert record["facts"] == [
        "Recorded for the whole protein: no masks, each residue masked alone, the 2 sets of masks "
        "in the list below.",
        "Recorded for the masked residues: 2,016 of 2,016 pairs (exact, reference precision).",
    ]


def test_without_a_scan_the_page_has_what_there_is(tmp_path):
    explorer = Explorer(Protein("MKTAYIAKQR", name="short"), ToyModel())
    record = record_of(explorer, singles=False, contexts=[])
    assert list(record["views"]) == ["sequence_strip", "distributions"]
    assert record["pairs"] is None and record["maps"] is None
    assert record["contexts"][0] == [[], []]
    assert record["facts"] == ["Recorded for the whole protein: no masks."]
    explorer.scan.single = scan_singles(explorer.protein, explorer.model)
    record = record_of(explorer, singles=False, contexts=["3"])
    assert unpacked(record["pairs"])[4, 4] == pytest.approx(
        explorer.scan.single.probabilities[4], abs=PROBABILITY_ERROR
    )
    assert record["facts"] == [
        "Recorded for the whole protein: no masks, 1 residue masked alone.",
        "Recorded for the masked residues: each residue masked alone.",
    ]
    with_structure = Explorer(Protein.demo(), ToyModel())
    record = record_of(with_structure, singles=False, contexts=[])
    shown = record["views"]["pair_heatmap"]
    assert [name for name, _ in shown["options"]] == list(STRUCTURE)
    assert (shown["upper"], shown["lower"]) == ("contacts", "contacts")
    assert [how for how, _ in shown["normalisations"]] == ["none"]
    shown = record["views"]["structure_view"]
    assert (shown["pairs"], shown["top_k_max"]) == ([], 0)
    assert [name for name, _ in shown["colour_options"]] == ["chemistry", *LIVE]


def test_what_a_page_does_not_know_is_not_chosen_in_it():
    explorer = Explorer(Protein.demo(), ToyModel())
    explorer.strip.colour_by = "single_perplexity"
    explorer.structure.top_k = 20
    explorer.heatmap.normalisation = "apc"
    views = record_of(explorer, singles=False, contexts=[])["views"]
    assert views["sequence_strip"]["colour_by"] == "chemistry"
    assert views["structure_view"]["top_k"] == 0
    assert views["pair_heatmap"]["normalisation"] == "none"


def test_what_is_chosen_in_the_notebook_is_in_the_page(explorer):
    explorer.structure.top_k = 20
    explorer.heatmap.normalisation, explorer.heatmap.upper = "apc", "js_div"
    views = record_of(explorer, singles=False, contexts=[])["views"]
    assert views["structure_view"]["top_k"] == 20
    assert len(views["structure_view"]["pairs"]) == 100
    shown = views["pair_heatmap"]
    assert (shown["normalisation"], shown["upper"]) == ("apc", "js_div")
    assert [how for how, _ in shown["normalisations"]] == list(NORMALISATIONS)


def test_estimated_pairs_are_marked_and_told():
    explorer = Explorer(Protein.demo(), "demo", method="superposed")
    explorer.scan.start()
    explorer.scan.wait()
    record = record_of(explorer, singles=False, contexts=[])
    estimated = unpacked(record["views"]["pair_heatmap"]["estimated"])
    assert estimated.sum() == 2 * explorer.scan.pairs_estimated > 0
    assert f"{explorer.scan.pairs_estimated:,} pairs estimated" in record["facts"][1]
    assert record["facts"][2].startswith("Superposed scan: js_dist off by")


# The file


def test_a_page_holds_nothing_that_a_name_could_start(explorer):
    named = Explorer(Protein(explorer.protein.sequence, HOSTILE), explorer.model)
    page = page_of(record_of(named, singles=False, contexts=[]))
    assert "<img" not in page
    scripts = re.findall(r"<script[^>]*>", page)
    assert scripts == ['<script id="plm-record" type="application/json">', '<script type="module">']
    assert page.count("</script") == 2 and "<!--" not in page and "\u2028" not in page
    data = page.split('type="application/json">')[1].split("</script>")[0]
    assert json.loads(data)["made"]["name"] == HOSTILE
    assert re.search(r"(src|href)\s*=", page.split("<script")[0]) is None


def test_the_policy_lets_one_script_run_and_nothing_be_fetched(explorer):
    page = page_of(record_of(explorer, singles=False, contexts=[]))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'" and "connect-src" not in rules
    assert re.fullmatch(r"'sha256-[\w+/]{43}=' blob:", rules["script-src"])


def test_a_page_is_written_whole_or_not_at_all(explorer, tmp_path, monkeypatch):
    path = explorer.to_html(tmp_path / "lesson.html", singles=False)
    assert path == tmp_path / "lesson.html"
    first = path.read_bytes()
    assert first.endswith(b"</html>\n") and len(first) < 3e6
    explorer.to_html(str(path), singles=False)

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("plmwidgets.offline.page.os.replace", full)
    with pytest.raises(OSError, match="no space"):
        explorer.to_html(path, singles=False)
    assert [file.name for file in tmp_path.iterdir()] == ["lesson.html"]


def test_a_place_that_cannot_hold_a_page_is_refused(explorer, tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.html, not as 'lesson\.pdf'"):
        explorer.to_html(tmp_path / "lesson.pdf")
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        explorer.to_html(tmp_path / "nowhere" / "lesson.html")
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(ValueError, match="is there already and is no file"):
        explorer.to_html(tmp_path / "folder.html")


def test_a_model_that_fails_leaves_no_page(tmp_path):
    explorer = Explorer("MKTAYIAKQR", NanModel(bad_position=3))
    with pytest.raises(ModelError):
        explorer.to_html(tmp_path / "lesson.html", contexts=["3-4"])
    assert list(tmp_path.iterdir()) == []
