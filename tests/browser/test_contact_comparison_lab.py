"""Maps of contacts side by side in JupyterLab: linked, with the structure and the table."""

from gestures import click_cell

PAGE = """
import numpy as np
import plmwidgets as plm

protein = plm.Protein.demo()
near, noise = -protein.distance_map(), np.random.default_rng(0)
maps = {f"noise {k}": near + noise.normal(scale=k, size=near.shape) for k in (2, 4, 8, 16)}
page = plm.ContactComparison(plm.evaluate_contacts(protein, maps))
page
"""


def test_a_click_selects_the_pair_in_all_views(notebook):
    book = notebook(PAGE)
    book.run_all()
    views = [book.wait_for_view("pair_heatmap", nth) for nth in range(4)]
    table = book.wait_for_view("pair_table")
    structure = book.wait_for_view("structure_view")
    book.wait_until(lambda: structure.get_attribute("data-structure-ready") == "true", 60)
    assert [view.get_attribute("data-upper") for view in views] == list(
        book.python("list(page.evaluation.maps)")
    )
    i, j = book.python("page.pairs.rows[2][:2]")
    click_cell(book, i, j)
    for view in views:
        book.wait_until(lambda view=view: view.get_attribute("data-pair") == f"{i},{j}")
    chosen = table.locator("[aria-selected=true]")
    book.wait_until(lambda: chosen.count() == 1)
    book.wait_until(lambda: book.python("list(page.selection.pair)") == [i, j])

    before = book.python("page.structure.pairs")
    table.get_by_label("Map that finds the pairs").select_option("noise 16")
    book.wait_until(lambda: book.python("page.structure.pairs") != before)
    rows = book.python("page.pairs.rows")
    lines = table.locator("tbody tr")
    book.wait_until(lambda: lines.count() == len(rows))
    lines.first.click()
    pair = ",".join(str(position) for position in rows[0][:2])
    book.wait_until(lambda: all(view.get_attribute("data-pair") == pair for view in views))
    book.screenshot("contact-comparison", book.page.locator(".jp-OutputArea-output").last)
