"""The main job, as a person does it: in JupyterLab, with the mouse."""

import re
from pathlib import Path

import pytest
from gestures import (
    bars,
    button,
    click_cell,
    click_in_3d,
    click_residue,
    hover_cell,
    positions,
    wait_for_context,
    wait_for_status,
)
from playwright.sync_api import expect

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart.ipynb"

EXPLORER = """
import plmwidgets as plm
explorer = plm.Explorer(plm.Protein.demo(), "demo")
explorer
"""

# The demo's scan takes a second or two: too short to click in.
SLOW_MODEL = """
import time
import plmwidgets as plm
model = plm.load_model("demo")
quick = model.log_probability_steps
def slow(contexts, *arguments):
    time.sleep(0.005 * len(contexts))
    return quick(contexts, *arguments)
"""


def check_bars(book, masked, nth=0, name="explorer"):
    """The bars equal p(i|M) as the kernel computes it by itself."""
    view = wait_for_context(book, masked, nth)
    for position in masked:
        assert position in positions(view, "data-positions")
        want = book.python(
            f"plm.predict({name}.protein, {name}.model, masked={masked!r})"
            f".iloc[{position}].to_dict()"
        )
        got = bars(view, position)
        assert got.keys() == want.keys()
        assert got == pytest.approx(want, abs=1e-4)


def test_the_quickstart_from_the_first_click_to_the_finished_map(notebook):
    book = notebook(path=QUICKSTART, name="quickstart.ipynb")
    book.run_all()
    for view in ("sequence_strip", "distributions", "pair_heatmap", "scan_panel"):
        book.wait_for_view(view)
    structure = book.wait_for_view("structure_view")
    book.wait_until(lambda: structure.get_attribute("data-structure-ready") == "true", 60)
    # the second cell masks two residues from Python
    strip = book.view("sequence_strip")
    book.wait_until(lambda: positions(strip) == [3, 7], 60)
    book.wait_until(lambda: book.python("explorer.scan.progress.status") == "ready")

    click_residue(book, 12)
    book.wait_until(lambda: positions(strip) == [3, 7, 12])
    check_bars(book, [3, 7, 12])
    click_residue(book, 3)
    click_residue(book, 7)
    check_bars(book, [12])
    book.wait_until(lambda: book.python("sorted(explorer.selection.masked)") == [12])

    button(book, "Start").click()
    wait_for_status(book, "finished")
    heatmap = book.view("pair_heatmap")
    length = book.python("len(explorer.protein)")
    book.wait_until(lambda: int(heatmap.get_attribute("data-known")) == length * (length - 1))
    book.screenshot("quickstart-finished")

    # every value that the map tells is the matrix's
    label = book.python("list(explorer.protein.residue_labels)")
    for i, j in [(2, 40), (10, 14), (0, length - 1)]:
        hover_cell(book, i, j)
        tooltip = heatmap.locator(".plm-tooltip")
        expect(tooltip).to_contain_text(f"{label[i]} · {label[j]}")
        text = tooltip.inner_text()
        want = book.python(f"float(explorer.scan.matrix('js_dist_avg').iloc[{i}, {j}])")
        shown = [float(n) for n in re.findall(r"\d\.\d+(?:e-?\d+)?", text)]
        assert any(abs(n - want) <= 6e-4 + 0.006 * want for n in shown), (text, want)

    i, j = book.python(
        "explorer.scan.top_pairs(1)[['position_i', 'position_j']].iloc[0].astype(int).to_list()"
    )
    click_cell(book, i, j)
    check_bars(book, [i, j])
    book.wait_until(lambda: positions(strip) == [i, j])
    book.wait_until(lambda: positions(heatmap, "data-pair") == [i, j])
    book.wait_until(lambda: positions(structure, "data-pair") == [i, j])
    book.wait_until(lambda: book.python("list(explorer.selection.pair)") == [i, j])
    book.screenshot("quickstart-pair")

    free = next(p for p in range(5, length) if p not in (i, j))
    click_in_3d(book, free)
    book.wait_until(lambda: len(positions(strip)) == 3)
    masked = positions(strip)
    assert set(masked) > {i, j}
    check_bars(book, masked)


def test_a_click_is_answered_while_the_scan_fills_the_map(notebook):
    book = notebook(SLOW_MODEL, EXPLORER, "model.log_probability_steps = slow")
    book.run_all()
    heatmap = book.wait_for_view("pair_heatmap")
    book.wait_for_view("scan_panel")
    book.wait_until(lambda: book.python("'slow' in globals()"))
    panel = book.view("scan_panel")
    button(book, "Start").click()
    seen = set()
    book.wait_until(
        lambda: seen.add(int(heatmap.get_attribute("data-known") or 0)) or len(seen) > 4
    )
    click_residue(book, 20)
    wait_for_context(book, [20])
    assert panel.get_attribute("data-status") == "running"
    known = int(heatmap.get_attribute("data-known"))
    assert 0 < known < 2 * book.python("explorer.scan.pairs_total")
    book.screenshot("scan-running")
    check_bars(book, [20])

    button(book, "Pause").click()
    wait_for_status(book, "paused")
    book.page.wait_for_timeout(300)  # the slice in hand still counts
    held = book.python("explorer.scan.progress.done")
    book.page.wait_for_timeout(300)
    assert book.python("explorer.scan.progress.done") == held
    button(book, "Resume").click()
    wait_for_status(book, "running")
    button(book, "Cancel").click()
    wait_for_status(book, "cancelled")
    assert book.python("explorer.scan.progress.done") >= held


def test_two_explorers_do_not_disturb_each_other(notebook):
    book = notebook(EXPLORER, EXPLORER.replace("explorer", "other"))
    book.run_all()
    for nth in (0, 1):
        book.wait_for_view("sequence_strip", nth)
        book.wait_for_view("distributions", nth)
        book.wait_for_view("scan_panel", nth)
    click_residue(book, 5, nth=0)
    click_residue(book, 30, nth=1)
    click_residue(book, 31, nth=1)
    check_bars(book, [5], nth=0)
    check_bars(book, [30, 31], nth=1, name="other")
    button(book, "Start", nth=1).click()
    wait_for_status(book, "finished", nth=1)
    assert book.view("scan_panel", 0).get_attribute("data-status") == "ready"
    assert book.view("pair_heatmap", 0).get_attribute("data-known") == "0"
    assert book.python("sorted(explorer.selection.masked)") == [5]
    assert book.python("sorted(other.selection.masked)") == [30, 31]


def test_a_kernel_restart_goes_on_from_the_store(notebook):
    stored = EXPLORER.replace('"demo")', '"demo", store="restart.zarr")')
    compare = (
        "import numpy as np\n"
        "def agrees_with_a_scan_in_one_go():\n"
        "    scan = plm.scan_pairs(explorer.protein, model)\n"
        "    scan.wait()\n"
        "    ours, theirs = explorer.scan.log_probabilities, scan.log_probabilities\n"
        "    return bool(np.allclose(ours, theirs, atol=1e-5, equal_nan=True))"
    )
    book = notebook(SLOW_MODEL, stored, compare, "model.log_probability_steps = slow")
    book.run_all()
    book.wait_for_view("scan_panel")
    book.wait_until(lambda: book.python("'slow' in globals()"))
    button(book, "Start").click()
    book.wait_until(lambda: book.python("explorer.scan.progress.done") > 700)
    book.restart_kernel()
    book.run_all()
    book.wait_until(lambda: book.python("'slow' in globals()"), 60)
    panel = wait_for_status(book, "paused")
    kept = book.python("explorer.scan.progress.done")
    assert 500 < kept < book.python("explorer.scan.pairs_total")
    assert int(panel.get_attribute("data-done")) == kept
    heatmap = book.wait_for_view("pair_heatmap")
    book.wait_until(lambda: int(heatmap.get_attribute("data-known") or 0) == 2 * kept)
    book.python("setattr(model, 'log_probability_steps', quick)")
    button(book, "Resume").click()
    wait_for_status(book, "finished")
    assert book.python("agrees_with_a_scan_in_one_go()")


def test_a_failing_model_is_told_in_the_views_without_a_traceback(notebook):
    book = notebook(
        EXPLORER,
        "import numpy as np\n"
        "def broken(contexts, positions=None, precision=None):\n"
        "    yield\n"
        "    count = len(contexts[0].sequence) if positions is None else 2\n"
        "    return np.full((len(contexts), count, 20), np.nan)\n"
        "explorer.model.log_probability_steps = broken",
    )
    book.run_all()
    view = book.wait_for_view("distributions")
    book.wait_until(lambda: book.python("'broken' in globals()"))
    click_residue(book, 9)
    message = view.locator(".plm-error")
    book.wait_until(lambda: "NaN" in message.inner_text())
    button(book, "Start").click()
    panel = wait_for_status(book, "failed")
    assert "NaN" in panel.locator(".plm-root").inner_text()
    assert "Traceback" not in book.page.locator(".jp-NotebookPanel").inner_text()
    book.screenshot("failing-model")
    # the notebook stays usable: a healthy model answers again
    book.python("delattr(explorer.model, 'log_probability_steps')")
    click_residue(book, 10)
    check_bars(book, [9, 10])
    book.wait_until(message.is_hidden)
