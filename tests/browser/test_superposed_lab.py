"""Superposed scans and noise floors in JupyterLab."""

from gestures import button, wait_for_status

SUPERPOSED = """
import plmwidgets as plm
explorer = plm.Explorer(plm.Protein.demo(), "demo", method="superposed")
explorer
"""
NOISY = """
import plmwidgets as plm
scan = plm.scan_pairs(plm.Protein.demo(), "demo", precision="preview")
scan.wait()
floor = scan.noise_floor()
plm.PairHeatmap(scan, upper="js_dist")
"""


def test_a_superposed_scan_tells_its_error_and_can_be_made_exact(notebook):
    book = notebook(SUPERPOSED)
    book.run_all()
    heatmap = book.wait_for_view("pair_heatmap")
    button(book, "Start").click()
    panel = wait_for_status(book, "finished")
    text = panel.locator(".plm-root").inner_text()
    assert "of them estimated" in text
    assert "js_dist off by" in text
    assert "superposed" in text
    total = book.python("explorer.scan.pairs_total")
    book.wait_until(lambda: heatmap.get_attribute("data-known") == str(2 * total))
    book.wait_until(lambda: heatmap.get_by_text("some pairs are estimated").is_visible())
    book.screenshot("superposed")
    button(book, "Compute all exactly").click()
    book.wait_until(lambda: book.python("explorer.scan.pairs_estimated") == 0)
    panel = wait_for_status(book, "finished")
    book.wait_until(lambda: "estimated" not in panel.locator(".plm-root").inner_text())
    book.wait_until(lambda: heatmap.get_by_text("some pairs are estimated").is_hidden())


def test_what_lies_in_the_noise_is_pale_and_said(notebook):
    book = notebook(NOISY)
    book.run_all()
    heatmap = book.wait_for_view("pair_heatmap")
    note = heatmap.get_by_text("below the noise floor")
    note.wait_for()
    floor = book.python("floor")
    shown = float(note.inner_text().split(",")[-1])
    assert abs(shown - floor) < 0.0005  # it is shown with three decimals
    book.screenshot("noise-floor")
