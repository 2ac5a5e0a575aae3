"""What a person does with the views in any host, and how a test sees what came of it."""

import functools
import io
import itertools

import numpy as np
import pytest
from PIL import Image

import plmwidgets as plm

VIEWS = (
    "sequence_strip", "distributions", "pair_heatmap", "structure_view", "scan_panel",
    "joint_table",
)  # fmt: skip


def click_residue(book, position, nth=0):
    book.view("sequence_strip", nth).locator(f'[data-position="{position}"]').first.click()


def positions(view, attribute="data-masked"):
    text = view.get_attribute(attribute) or ""
    return [int(part) for part in text.split(",") if part]


def bars(view, position):
    """The probabilities drawn for a residue, by letter."""
    drawn = view.locator(f'[data-position="{position}"][data-letter]')
    pairs = drawn.evaluate_all("bars => bars.map(b => [b.dataset.letter, Number(b.dataset.p)])")
    return dict(pairs)


def wait_for_context(book, masked, nth=0):
    view = book.view("distributions", nth)
    book.wait_until(lambda: positions(view, "data-context") == sorted(masked))
    return view


def cell_at(book, i, j, nth=0):
    """The canvas of the map, and where on it a cell lies."""
    canvas = book.view("pair_heatmap", nth).locator("canvas[data-cell]")
    x0, y0, cell = (float(canvas.get_attribute(f"data-{key}")) for key in ("x0", "y0", "cell"))
    return canvas, {"x": x0 + (j + 0.5) * cell, "y": y0 + (i + 0.5) * cell}


def click_cell(book, i, j, nth=0):
    canvas, place = cell_at(book, i, j, nth)
    canvas.click(position=place)


def hover_cell(book, i, j, nth=0):
    canvas, place = cell_at(book, i, j, nth)
    canvas.hover(position=place)


def click_in_3d(book, position, nth=0):
    view = book.view("structure_view", nth)
    x, y = view.evaluate("(host, i) => host.plmProject(i)", position)
    view.locator("canvas").click(position={"x": x, "y": y})


def wait_for_status(book, status, nth=0):
    panel = book.view("scan_panel", nth)
    book.wait_until(lambda: panel.get_attribute("data-status") == status)
    return panel


def button(book, name, nth=0):
    return book.view("scan_panel", nth).get_by_role("button", name=name)


def pixels_of(locator):
    return np.array(Image.open(io.BytesIO(locator.screenshot())).convert("RGB")).astype(int)


def vivid_pixels(locator):
    """How many pixels of a picture are coloured, neither grey nor nearly so."""
    return int((np.ptp(pixels_of(locator), axis=2) > 40).sum())


@functools.cache
def predicted(masked):
    """p(i|M) of the demo protein, computed in this process, where no host has a hand in it."""
    return plm.predict(plm.Protein.demo(), "demo", masked=masked)


def check_bars_here(book, masked):
    """The bars equal p(i|M) as this process computes it."""
    view = wait_for_context(book, masked)
    for position in masked:
        want = predicted(tuple(sorted(masked))).iloc[position].to_dict()
        assert position in positions(view, "data-positions")
        assert bars(view, position) == pytest.approx(want, abs=1e-4)


def main_gestures(book, name):
    """Mask, scan, choose a pair, pick in 3D, point: on an Explorer of the demo with its model."""
    protein = plm.Protein.demo()
    length = len(protein)
    views = {name: book.wait_for_view(name) for name in VIEWS}
    strip, heatmap, structure = (
        views[name] for name in ("sequence_strip", "pair_heatmap", "structure_view")
    )
    book.wait_until(lambda: structure.get_attribute("data-structure-ready") == "true", 60)

    # hiding a residue changes what the model believes about it and about others
    click_residue(book, 12)
    check_bars_here(book, [12])
    click_residue(book, 3)
    check_bars_here(book, [3, 12])
    assert positions(strip) == [3, 12]

    # the scan fills the map
    button(book, "Start").click()
    wait_for_status(book, "finished")
    book.wait_until(lambda: heatmap.get_attribute("data-known") == str(length * (length - 1)))

    # a cell of the map is a pair everywhere
    i, j = 10, 14
    click_cell(book, i, j)
    check_bars_here(book, [i, j])
    book.wait_until(lambda: positions(heatmap, "data-pair") == [i, j])
    book.wait_until(lambda: positions(structure, "data-pair") == [i, j])
    assert positions(strip) == [i, j]
    book.wait_until(lambda: positions(views["joint_table"], "data-pair") == [i, j])

    # pointing at a residue shows it in the others
    residue = strip.locator('[data-position="30"]').first
    chip = structure.locator(".structure-chip", has_text=protein.residue_label(30))
    across = itertools.cycle((4, 6))

    def pointed():  # a hand is never quite still
        residue.hover(position={"x": next(across), "y": 5})
        return chip.is_visible()

    book.wait_until(pointed)

    # the structure is drawn, and a residue in it can be picked
    canvas = structure.locator("canvas")
    book.wait_until(lambda: vivid_pixels(canvas) > 1500)
    click_in_3d(book, next(p for p in range(40, length)))
    book.wait_until(lambda: len(positions(strip)) == 3)
    masked = positions(strip)
    assert set(masked) > {i, j}
    check_bars_here(book, masked)
    book.wait_until(chip.is_hidden)
    book.screenshot(f"host-{name}")
