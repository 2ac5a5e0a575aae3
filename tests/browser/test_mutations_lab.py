"""Mutation scores in JupyterLab, with a real kernel: the page, the shared selection, the figure."""

import numpy as np
from gestures import vivid_pixels

PAGE = """
import altair as alt
import pandas as pd
import plmwidgets as plm
alt.renderers.enable("jupyter", offline=True)
protein = plm.Protein.demo()
truth = plm.mutation_scores(protein, "potts-demo").to_pandas()
dms = plm.load_dms(truth[::3], protein, score_column="llr", name="simulated")
page = plm.MutationExplorer(protein, "demo", dms)
"""
CHEMISTRY = "AFILVMWYDEKRHNQSTGPC"


def cell_at(view, position, letter):
    canvas = view.locator("canvas")
    cell, scroll = (float(canvas.get_attribute(f"data-{name}")) for name in ("cell", "scroll"))
    row = CHEMISTRY.index(letter)
    return canvas, {"x": 20 + (position + 0.5) * cell - scroll, "y": 26 + 13 * (row + 0.5)}


def test_the_views_of_the_page_are_linked_with_the_kernel(notebook):
    book = notebook(PAGE, "page")
    book.run_all()
    heatmap, scatter, structure, strip = (
        book.wait_for_view(name)
        for name in ("mutation_heatmap", "scatter_plot", "structure_view", "sequence_strip")
    )
    book.wait_until(lambda: (heatmap.get_attribute("data-known") or "").startswith("1280,"))
    book.wait_until(lambda: scatter.get_attribute("data-points") == str(len(range(0, 64 * 19, 3))))
    book.wait_until(lambda: structure.get_attribute("data-structure-ready") == "true", 60)
    assert vivid_pixels(heatmap.locator("canvas")) > 5000

    # a click on a cell is a substitution everywhere
    letter = "W" if book.python("protein.sequence[30]") != "W" else "D"

    def made():
        return book.python("list(page.selection.substitutions.items())")

    canvas, place = cell_at(heatmap, 30, letter)
    canvas.click(position=place)
    book.wait_until(lambda: made() == [[30, letter]])
    canvas.click(position=place)
    book.wait_until(lambda: made() == [])

    # mutant scores are computed when they are asked for, and fill the map
    heatmap.get_by_label("Map", exact=True).select_option("mutant")
    heatmap.get_by_role("button", name="Compute").click()
    book.wait_until(
        lambda: book.python("int(page.scores['mutant'].computed.sum())") == 64, seconds=120
    )
    book.wait_until(lambda: (heatmap.get_attribute("data-known") or "").startswith("1280,"))
    mean = book.python("page.scores['mutant'].per_residue()['mean'].tolist()")
    book.wait_until(
        lambda: np.allclose(book.python("page.strip.to_pandas()['value'].tolist()"), mean)
    )
    assert strip.get_attribute("data-masked") == ""
    book.screenshot("mutation-explorer")


def test_the_figure_of_an_experiment_is_drawn_and_brushed(notebook):
    book = notebook(PAGE, "dms.chart(plm.mutation_scores(protein, 'demo'))")
    book.run_all()
    chart = book.page.locator(".vega-embed").first
    chart.locator("canvas, svg.marks").first.wait_for(timeout=60_000)
    box = chart.bounding_box()
    before = chart.screenshot()
    book.page.mouse.move(box["x"] + 120, box["y"] + 120)
    book.page.mouse.down()
    book.page.mouse.move(box["x"] + 260, box["y"] + 260, steps=4)
    book.page.mouse.up()
    book.wait_until(lambda: chart.screenshot() != before)
    book.screenshot("dms-chart")
