"""Charts of a comparison in JupyterLab, without a network."""

COMPARED = """
import altair as alt
import plmwidgets as plm
alt.renderers.enable("jupyter", offline=True)
comparison = plm.compare(plm.Protein.demo(), ["demo", "potts-demo"])
comparison.wait()
"""


def drawn(book, nth):
    """The nth chart of the notebook, once it is drawn."""
    chart = book.page.locator(".vega-embed").nth(nth)
    chart.locator("canvas, svg.marks").first.wait_for(timeout=60_000)
    return chart


def test_maps_show_the_pair_pointed_at(notebook):
    book = notebook(COMPARED, "comparison.maps()")
    book.run_all()
    chart = drawn(book, 0)
    box = chart.bounding_box()
    before = chart.screenshot()
    book.page.mouse.move(box["x"] + 200, box["y"] + 150)
    book.page.mouse.move(box["x"] + 201, box["y"] + 151)
    tooltip = book.page.locator("#vg-tooltip-element")
    book.wait_until(lambda: "hidden as well" in tooltip.inner_text())
    assert chart.screenshot() != before
    book.screenshot("comparison-maps")


def test_a_click_on_a_model_singles_it_out(notebook):
    book = notebook(COMPARED, "comparison.chart()")
    book.run_all()
    chart = drawn(book, 0)
    before = chart.screenshot()
    box = chart.bounding_box()
    book.page.mouse.click(box["x"] + 200, box["y"] + 85)
    book.wait_until(lambda: chart.screenshot() != before)
    book.screenshot("comparison-chart")
