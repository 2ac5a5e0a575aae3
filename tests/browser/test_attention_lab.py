"""All attention heads in JupyterLab, with the map and the structure beside them."""

from gestures import click_residue, positions

EXPLORER = """
import plmwidgets as plm
explorer = plm.AttentionExplorer(plm.Protein.demo(), "demo")
explorer
"""


def test_a_head_is_chosen_and_the_masks_are_followed(notebook):
    book = notebook(EXPLORER)
    book.run_all()
    grid = book.wait_for_view("attention_grid")
    heatmap = book.wait_for_view("pair_heatmap")
    structure = book.wait_for_view("structure_view")
    book.wait_until(lambda: grid.get_attribute("data-heads") == "18", 60)
    book.wait_until(lambda: structure.get_attribute("data-structure-ready") == "true", 60)

    grid.locator("canvas").focus()
    for key in ("ArrowUp", "Home", "ArrowRight", "ArrowRight"):
        book.page.keyboard.press(key)
    book.wait_until(lambda: book.python("(explorer.grid.layer, explorer.grid.head)") == [1, 2])
    heatmap.get_by_text("Layer 1, head 2: symmetric, APC").first.wait_for(state="attached")

    before = grid.locator("canvas").screenshot()
    click_residue(book, 12)
    click_residue(book, 30)
    strip = book.view("sequence_strip")
    book.wait_until(lambda: positions(strip) == [12, 30])
    book.wait_until(lambda: book.python("explorer.grid.attention.context.masked") == [12, 30])
    book.wait_until(lambda: grid.locator("canvas").screenshot() != before)
    book.screenshot("attention-explorer")
