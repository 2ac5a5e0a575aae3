"""The page of a structure prediction in JupyterLab: waiting, cancelled, started anew, and there."""

from gestures import vivid_pixels

PAGE = """
import plmwidgets as plm
model = plm.load_folding_model({folder!r})
held = model._busy.acquire()  # as if another prediction were under way
fold = plm.fold(plm.Protein.demo(), model, masked="20-22")
page = plm.FoldExplorer(fold)
page
"""


def text(view):
    return view.locator(".plm-root").inner_text()


def test_the_structure_comes_by_itself(notebook, tiny_esmfold):
    book = notebook(PAGE.format(folder=str(tiny_esmfold)))
    book.run_all()
    panel = book.wait_for_view("scan_panel")
    structure = book.wait_for_view("structure_view")
    strip = book.wait_for_view("sequence_strip")
    book.wait_until(lambda: "waiting for the prediction before it" in text(panel))
    book.wait_until(lambda: "No structure yet" in text(structure))
    book.screenshot("folding-waiting", book.page.locator(".jp-OutputArea-output").last)
    panel.get_by_role("button", name="Cancel").click()
    book.wait_until(lambda: panel.get_attribute("data-status") == "cancelled")
    book.wait_until(lambda: "cancelled" in text(structure))
    panel.get_by_role("button", name="Start").click()
    book.wait_until(lambda: panel.get_attribute("data-status") == "running")
    book.python("model._busy.release()")
    book.wait_until(lambda: panel.get_attribute("data-status") == "finished")
    book.wait_until(lambda: structure.get_attribute("data-structure-ready") == "true")
    # Random weights make no chain that a ribbon could follow: its residues are balls.
    book.wait_until(lambda: vivid_pixels(structure.locator("canvas").first) > 3000)
    for view in (structure, strip):
        book.wait_until(lambda view=view: "pLDDT (0-100)" in text(view))
    heatmap = book.wait_for_view("pair_heatmap")
    length = book.python("len(fold)")
    book.wait_until(lambda: int(heatmap.get_attribute("data-known") or 0) >= length * (length - 1))
    assert structure.get_attribute("data-masked") == ",".join(map(str, range(19, 22)))
    assert not book.page.locator(".plm-error").filter(visible=True).count()
    book.screenshot("folding", book.page.locator(".jp-OutputArea-output").last)
