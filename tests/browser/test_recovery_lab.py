"""The page of a contact recovery in JupyterLab."""

PAGE = """
import plmwidgets as plm
page = plm.RecoveryExplorer(plm.Protein.demo(), "demo", using="jacobian")
page
"""


def test_the_flank_slides_and_the_map_follows(notebook):
    book = notebook(PAGE)
    book.run_all()
    heatmap = book.wait_for_view("pair_heatmap")
    view = book.wait_for_view("recovery_view")
    book.wait_until(
        lambda: view.get_attribute("data-points") == str(book.python("page.view.largest + 1"))
    )
    slider = view.get_by_label("Flank length k")
    slider.focus()
    for k in (1, 2, 3):
        book.page.keyboard.press("ArrowRight")
        book.wait_until(lambda k=k: book.python("page.view.flank") == k)
    book.wait_until(lambda: int(heatmap.get_attribute("data-known") or 0) > 0)
    assert not book.page.locator(".plm-error").filter(visible=True).count()
    book.wait_until(lambda: "k = 3 shown" in heatmap.locator(".plm-root").inner_text())
    told = float(view.locator(".recovery-line").inner_text().split("R = ")[1].split(",")[0])
    value = book.python("float(page.view.recovery.curve().loc[3, 'median'])")
    assert abs(told - value) < 6e-3
    segment = view.get_by_role("slider", name="Segment", exact=True)
    start = book.python("page.view.segments[0][0]")
    segment.focus()
    book.page.keyboard.press("ArrowRight")
    book.wait_until(lambda: book.python("page.view.segments[0][0]") == start + 1)
    book.screenshot("recovery", book.page.locator(".jp-OutputArea-output").last)
