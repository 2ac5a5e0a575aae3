"""The page of a categorical Jacobian in JupyterLab."""

from gestures import click_cell, wait_for_status

PAGE = """
import plmwidgets as plm
found = plm.jacobian(plm.Protein.demo(), "demo")
page = plm.JacobianExplorer(found)
page
"""


def test_the_map_fills_and_a_click_shows_the_block(notebook):
    book = notebook(PAGE)
    book.run_all()
    heatmap = book.wait_for_view("pair_heatmap")
    panel = wait_for_status(book, "finished")
    assert "64 positions" in panel.locator(".plm-root").inner_text()
    book.wait_until(lambda: heatmap.get_attribute("data-known") == str(64 * 63))
    i, j = book.python(
        "found.to_pandas().nlargest(1, 'score')[['position_i', 'position_j']].values[0].tolist()"
    )
    click_cell(book, i, j)
    table = book.view("jacobian_table")
    book.wait_until(lambda: table.get_attribute("data-pair") == f"{i},{j}")
    book.wait_until(lambda: "1 of" in table.locator(".letters-facts").inner_text())
    first = table.locator("tbody tr").first.locator("td").all_inner_texts()
    value = book.python(f"found.block({i}, {j}).loc['{first[0]}', '{first[1]}']")
    assert abs(float(first[2].replace("\u2212", "-")) - value) < 0.01
    book.screenshot("jacobian", book.page.locator(".jp-OutputArea-output").last)
