"""The structure on the dev page, in a real headless browser with WebGL."""

import json
import math
import re

import dev_page
import numpy as np
import pytest
from dev_page import cell_centre, expect_trait, fill, settle, structure, trait, wait_for
from playwright.sync_api import expect

from plmwidgets.protein import Protein

address, show = dev_page.address, dev_page.show
VIEWS = "views=pair_heatmap,structure_view&masks=0"


@pytest.fixture(scope="module")
def protein():
    return Protein.demo()


def show_structure(show, protein, query="", **traits):
    page = show(f"{VIEWS}&length={len(protein)}{query}", 520)
    page.set_viewport_size({"width": 552, "height": 1600})
    given = {"structure": protein.structure.to_cif(), "top_k_max": 100, **traits}
    page.evaluate("given => dev.models.get('structure_view').receive(given)", given)
    wait_for(page, structure(page), "data-structure-ready", "true")
    return page


def spot(page, position):
    """Return where a residue is drawn on the page."""
    box = structure(page).locator("canvas").bounding_box()
    x, y = structure(page).evaluate("(host, k) => host.plmProject(k)", position)
    return box["x"] + x, box["y"] + y


def origin(page):
    """Return where the drawing's top left corner is on the page."""
    box = structure(page).locator("canvas").bounding_box()
    return np.array([box["x"], box["y"]])


def residues_in_sight(page, length):
    """Return residues that no other one is drawn close to: those in front may hide them."""
    spots = np.array([spot(page, k) for k in range(length)])
    away = np.linalg.norm(spots[:, None] - spots[None], axis=-1)
    away[np.abs(np.subtract.outer(np.arange(length), np.arange(length))) < 2] = np.inf
    return [int(k) for k in np.argsort(-away.min(axis=1))[:6]]


def test_the_whole_structure_is_in_sight(show, protein):
    page = show_structure(show, protein)
    box = structure(page).locator("canvas").bounding_box()
    spots = np.array([spot(page, k) for k in range(len(protein))])
    share = (spots - [box["x"], box["y"]]) / [box["width"], box["height"]]
    assert share.min() > 0.02
    assert share.max() < 0.98
    assert np.ptp(share, axis=0).max() > 0.6


@pytest.mark.parametrize("query", ["", "&presenter=1"])
def test_clicks_and_hover_in_3d_reach_the_other_views(show, protein, query):
    page = show_structure(show, protein, query)
    for position in residues_in_sight(page, len(protein)):
        x, y = spot(page, position)
        page.mouse.move(x - 2, y)
        page.mouse.move(x, y)
        page.wait_for_function(
            "k => String(dev.models.get('pair_heatmap').get('hover')) === String(k)", arg=position
        )
        page.mouse.click(x, y)
        wait_for(page, structure(page), "data-masked", str(position))
        expect_trait(page, "structure_view", "selection_state.masked", [position])
        page.mouse.click(x, y)
        wait_for(page, structure(page), "data-masked", "")


def test_a_drag_turns_the_structure_and_masks_nothing(show, protein):
    page = show_structure(show, protein)
    before = spot(page, 0)
    box = structure(page).locator("canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y + 10, steps=4)
    page.mouse.up()
    settle(page)
    assert math.dist(before, spot(page, 0)) > 10
    expect_trait(page, "structure_view", "selection_state.masked", [])


def test_keys_turn_zoom_and_centre(show, protein):
    page = show_structure(show, protein)
    ends = [0, len(protein) // 2]

    def places():
        return np.array([spot(page, k) for k in ends])

    before = places()
    canvas = structure(page).locator("canvas")
    canvas.focus()
    for _ in range(9):  # a quarter of a turn
        page.keyboard.press("ArrowRight")
    settle(page)
    turned = places()
    assert np.abs(turned - before).max() > 10
    for _ in range(9):
        page.keyboard.press("ArrowLeft")
    settle(page)
    np.testing.assert_allclose(places(), before, atol=1)
    page.keyboard.press("ArrowDown")
    settle(page)
    assert np.abs(places() - before).max() > 3
    page.keyboard.press("ArrowUp")
    for _ in range(3):
        page.keyboard.press("+")
    settle(page)
    near = math.dist(*places())
    assert near > 1.1 * math.dist(*before)
    page.keyboard.press("0")
    page.wait_for_function(
        """([host, x, y]) => {
          const at = host.plmProject(0);
          return Math.hypot(at[0] - x, at[1] - y) < 2;
        }""",
        arg=[structure(page).element_handle(), *(before[0] - origin(page))],
    )


def test_pairs_are_drawn_and_the_map_selects_one(show, protein):
    pairs = [[2, 18, True], [4, 40, False], [6, 54, None]]
    page = show_structure(show, protein, pairs=pairs, top_k=2)
    wait_for(page, structure(page), "data-cylinders", "2")
    expect(structure(page).get_by_text("not in contact (1)")).to_be_visible()
    fill(page, len(protein))
    page.mouse.click(*cell_centre(page, 2, 18))
    wait_for(page, structure(page), "data-pair", "2,18")
    page.mouse.move(1, 1)
    labels = trait(page, "structure_view", "protein")["labels"]
    told = re.compile(rf"^{labels[2]} · {labels[18]}  .* Å$")
    expect(structure(page).locator(".structure-chip-pair")).to_have_text(told)


def test_views_free_their_webgl_context(show, protein):
    page = show_structure(show, protein)
    lost = page.evaluate(
        """async (structure) => {
          const { default: view } = await import("./out/views/structure_view.js");
          const lost = [];
          for (let k = 0; k < 18; k += 1) {
            const el = document.createElement("div");
            document.body.append(el);
            const model = dev.model("structure_view");
            model.receive({ structure });
            const end = await view.render({ model, el });
            const host = el.firstChild;
            while (!host.dataset.structureReady) await new Promise(requestAnimationFrame);
            const context = host.shadowRoot.querySelector("canvas").getContext("webgl2");
            end();
            lost.push(context.isContextLost() && model.listenerCount === 0);
          }
          return lost;
        }""",
        protein.structure.to_cif(),
    )
    assert lost == [True] * 18
    # The first view is still there: browsers take contexts away from the oldest.
    expect(structure(page).locator(".structure-message")).to_be_hidden()


def test_without_structure_and_with_a_bad_one_it_says_so(show, protein):
    page = show("views=structure_view&masks=0", 520)
    expect(structure(page).get_by_text("No structure")).to_be_visible()
    page.evaluate("dev.models.get('structure_view').receive({structure: 'data_none'})")
    structure(page).get_by_text("could not be read").wait_for()
    cif = json.dumps(protein.structure.to_cif())
    page.evaluate(f"dev.models.get('structure_view').receive({{structure: {cif}}})")
    wait_for(page, structure(page), "data-structure-ready", "true")


def test_without_webgl_it_says_so(show):
    page = show("views=structure_view&masks=0", 520)
    page.forgiven = "WebGL|initialize renderer"
    page.evaluate(
        """() => {
          HTMLCanvasElement.prototype.getContext = () => null;
          dev.models.get("structure_view").receive({ structure: "data_none" });
        }"""
    )
    structure(page).get_by_text("gives no WebGL").wait_for()
