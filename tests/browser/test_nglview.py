"""nglview in JupyterLab: what is handed over to it, and a widget linked to a selection."""

import numpy as np
from gestures import pixels_of, positions

CELL = """
import plmwidgets as plm
protein = plm.Protein.demo()
view = plm.to_nglview(protein, values=range(len(protein)), pairs=[(0, 60), (5, 20), (30, 40)])
view
"""


LINKED = """
import ipywidgets
import plmwidgets as plm
protein = plm.Protein.demo()
selection = plm.Selection(protein)
view = plm.to_nglview(protein, values=[float("nan")] * len(protein))  # grey
view.layout.height = "600px"
selection.masked = {50}
link = plm.link_nglview(view, selection)
ipywidgets.VBox([plm.SequenceStrip(protein, selection=selection), view])
"""


def test_nglview_draws_the_coloured_protein(notebook):
    book = notebook(CELL)
    book.run_all()
    canvas = book.page.locator(".jp-OutputArea canvas").first
    canvas.wait_for(timeout=60_000)
    seen = {}

    def coloured():
        pixels = seen["pixels"] = pixels_of(canvas)
        return (np.ptp(pixels, axis=2) > 40).sum() > 1500

    book.wait_until(coloured, 60)
    book.screenshot("nglview", canvas)
    pixels = seen["pixels"].reshape(-1, 3)
    vivid = pixels[np.ptp(pixels, axis=1) > 40]
    # both ends of the scale: yellow for the last residues, violet or blue for the first
    assert ((vivid[:, 0] > 150) & (vivid[:, 1] > 140) & (vivid[:, 2] < 110)).sum() > 20
    assert ((vivid[:, 2] > vivid[:, 1] + 20) & (vivid[:, 2] > 60)).sum() > 20


def test_a_linked_nglview_shows_masks_and_takes_picks(notebook):
    book = notebook(LINKED)
    book.run_all()
    strip = book.wait_for_view("sequence_strip")
    canvas = book.page.locator(".jp-OutputArea canvas").last
    canvas.wait_for(timeout=60_000)

    def marked():
        """Where the marks are, rows and columns: all else is grey."""
        return np.argwhere(np.ptp(pixels_of(canvas), axis=2) > 60)

    # what was masked before the display
    book.wait_until(lambda: len(marked()) > 100, 60)
    before = marked()
    strip.locator('[data-position="12"]').first.click()
    book.wait_until(lambda: len(marked()) > len(before) + 100)
    book.screenshot("nglview-linked")
    book.python("selection.undo()")
    book.wait_until(lambda: len(marked()) == len(before))

    # a click on what is drawn for the residue takes its mask away
    row, column = before[np.abs(before - np.median(before, axis=0)).sum(axis=1).argmin()]
    canvas.click(position={"x": int(column), "y": int(row)})
    book.wait_until(lambda: positions(strip) == [])
    assert book.python("selection.focus") == 50
    book.wait_until(lambda: len(marked()) == 0)

    book.python("selection.select_pair(5, 40)")
    book.wait_until(lambda: len(marked()) > 100)
    book.screenshot("nglview-pair")
    book.python("link.unlink()")
    book.wait_until(lambda: len(marked()) == 0)
