"""The page of embeddings in JupyterLab: sequences, and the residues of the one that is opened."""

PAGE = """
import plmwidgets as plm
demo = plm.Protein.demo()
others = [plm.Protein(demo.sequence[k:] + demo.sequence[:k], f"turned {k}") for k in range(1, 8)]
page = plm.EmbeddingExplorer([demo, *others], "demo", colours={"kind": ["demo"] + 7 * ["turned"]})
page
"""


def test_a_sequence_is_opened_and_its_residues_are_linked(notebook):
    book = notebook(PAGE)
    book.run_all()
    plot = book.wait_for_view("embedding_plot")
    book.wait_until(lambda: plot.get_attribute("data-points") == "8")
    canvas = plot.locator(".scatter-canvas")
    canvas.focus()
    book.page.keyboard.press("ArrowRight")
    book.wait_until(lambda: canvas.get_attribute("data-pointed") != "")
    point = int(canvas.get_attribute("data-pointed"))
    book.page.keyboard.press("Enter")
    book.wait_until(lambda: book.python("page.sequences.chosen") == point)
    book.wait_for_view("sequence_strip")
    residues = book.page.locator(".plmwidgets-embedding_plot").nth(1)
    book.wait_until(lambda: residues.get_attribute("data-points") == "64")
    residues.get_by_label("Colour by").select_option("position")
    strip = book.page.locator(".plmwidgets-sequence_strip").first
    book.wait_until(lambda: book.python("page.strip.value_label") == "Position, from 1")
    letters = residues.locator(".scatter-canvas")
    letters.focus()
    book.page.keyboard.press("ArrowRight")
    book.page.keyboard.press("Space")
    book.wait_until(lambda: book.python("len(page.selection.masked)") == 1)
    masked = book.python("list(page.selection.masked)")[0]
    book.wait_until(lambda: strip.get_attribute("data-masked") == str(masked))
    # Opening the one with a structure brings 3D.
    book.python("setattr(page.sequences, 'chosen', 0)")
    book.wait_for_view("structure_view")
    assert not book.page.locator(".plm-error").filter(visible=True).count()
    book.screenshot("embeddings", book.page.locator(".jp-OutputArea-output").last)
