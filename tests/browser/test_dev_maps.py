"""The pair map and the structure on the dev page, in a real headless browser with WebGL."""

import json
import math

import numpy as np
import pytest
import test_dev_page

from plmwidgets.protein import Protein

address, show = test_dev_page.address, test_dev_page.show
VIEWS = "views=pair_heatmap,structure_view&masks=0"

# Puts a map into the page: the value of cell (i, j) is i + j / 1000; `known` says which there are.
FILL = """([length, known]) => {
  const values = new Float32Array(length * length).fill(NaN);
  for (let i = 0; i < length; i += 1)
    for (let j = 0; j < length; j += 1)
      if (i !== j && (i + j) % known === 0) values[i * length + j] = i + j / 1000;
  const map = (name, kind) => ({
    name, kind, label: name, unit: "bits", limits: [0, length], directed: true,
    scanned: true, normalised: false, floor: null,
    values: { dtype: "float32", shape: [length, length], data: new DataView(values.buffer) },
  });
  dev.models.get("pair_heatmap").receive({
    upper: "one", lower: "two", options: [["one", "one"], ["two", "two"]],
    upper_map: map("one", "sequential"), lower_map: map("two", "distance"),
  });
}"""


@pytest.fixture(scope="module")
def protein():
    return Protein.demo()


def heatmap(page):
    return page.locator(".plmwidgets-pair_heatmap")


def structure(page):
    return page.locator(".plmwidgets-structure_view")


def trait(page, view, name):
    return page.evaluate(f"dev.models.get('{view}').get('{name}')")


def state(page):
    return trait(page, "pair_heatmap", "selection_state")


def wait_for(page, locator, name, value):
    page.wait_for_function(
        "([element, name, value]) => element.getAttribute(name) === value",
        arg=[locator.element_handle(), name, value],
    )


def cell_centre(page, i, j):
    """Return where cell (i, j) is on the page."""
    canvas = heatmap(page).locator("canvas")
    box = canvas.bounding_box()
    x0, y0, cell = (float(canvas.get_attribute(f"data-{name}")) for name in ("x0", "y0", "cell"))
    return box["x"] + x0 + (j + 0.5) * cell, box["y"] + y0 + (i + 0.5) * cell


def fill(page, length=60, known=1):
    page.evaluate(FILL, [length, known])
    count = sum(i != j and (i + j) % known == 0 for i in range(length) for j in range(length))
    wait_for(page, heatmap(page), "data-known", str(count))


def open_map(show, length=60, known=1):
    page = show(f"views=pair_heatmap&masks=0&length={length}", 520)
    fill(page, length, known)
    return page


def test_click_selects_the_pair_of_the_cell(show):
    page = open_map(show)
    page.mouse.click(*cell_centre(page, 10, 40))
    assert state(page)["pair"] == [10, 40]
    assert state(page)["masked"] == [10, 40]
    page.mouse.click(*cell_centre(page, 40, 10))
    assert state(page)["pair"] == [40, 10]
    wait_for(page, heatmap(page), "data-pair", "40,10")


def test_click_on_the_diagonal_toggles_a_mask(show):
    page = open_map(show)
    page.mouse.click(*cell_centre(page, 7, 7))
    assert state(page)["masked"] == [7]
    page.mouse.click(*cell_centre(page, 7, 7))
    assert state(page)["masked"] == []


def test_hover_names_the_cell_here_and_elsewhere(show):
    page = open_map(show, known=2)
    page.mouse.move(*cell_centre(page, 10, 40))
    tooltip = heatmap(page).locator(".plm-tooltip")
    labels = trait(page, "pair_heatmap", "protein")["labels"]
    assert f"{labels[10]} · {labels[40]}" in tooltip.text_content()
    assert "10.0 bits" in tooltip.text_content()
    assert trait(page, "pair_heatmap", "hover") == [10, 40]
    page.mouse.move(*cell_centre(page, 10, 41))
    assert "10.0" not in tooltip.text_content()
    page.mouse.move(1, 1)
    assert trait(page, "pair_heatmap", "hover") == []
    assert tooltip.is_hidden()


def test_wheel_zooms_about_the_pointer_and_a_drag_pans(show):
    page = open_map(show)
    canvas = heatmap(page).locator("canvas")
    at = cell_centre(page, 20, 30)
    page.mouse.move(*at)
    page.mouse.move(at[0] + 1, at[1])
    whole = canvas.get_attribute("data-cell")
    for _ in range(4):
        page.mouse.wheel(0, -120)
    page.wait_for_function(
        "([canvas, whole]) => Number(canvas.dataset.cell) > 1.5 * whole",
        arg=[canvas.element_handle(), float(whole)],
    )
    zoomed = cell_centre(page, 20, 30)
    assert math.dist(at, zoomed) < float(canvas.get_attribute("data-cell"))
    page.mouse.down()
    page.mouse.move(at[0] + 60, at[1] + 20, steps=4)
    page.mouse.up()
    moved = cell_centre(page, 20, 30)
    assert moved[0] - zoomed[0] == pytest.approx(59, abs=2)
    assert moved[1] - zoomed[1] == pytest.approx(20, abs=2)
    assert state(page)["pair"] is None
    heatmap(page).get_by_text("Reset zoom").click()
    wait_for(page, canvas, "data-cell", whole)


def test_the_page_scrolls_on_when_the_map_slides_under_the_pointer(show):
    page = open_map(show)
    page.evaluate("document.body.style.padding = '600px 0 2000px'")
    page.mouse.move(260, 300)
    before = heatmap(page).locator("canvas").get_attribute("data-cell")
    for _ in range(8):
        page.mouse.wheel(0, 100)
        page.wait_for_timeout(30)
    page.wait_for_function("scrollY >= 700")
    assert heatmap(page).locator("canvas").get_attribute("data-cell") == before


def test_keyboard_walks_over_the_cells(show):
    page = open_map(show)
    heatmap(page).locator("canvas").focus()
    for key in ("ArrowDown", "ArrowRight", "Shift+ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    i, j = trait(page, "pair_heatmap", "hover")
    assert (i, j) == (1, 11)
    page.keyboard.press("Enter")
    assert state(page)["pair"] == [1, 11]
    labels = trait(page, "pair_heatmap", "protein")["labels"]
    assert labels[11] in heatmap(page).locator(".plm-announcer").text_content()
    page.keyboard.press("Escape")
    assert trait(page, "pair_heatmap", "hover") == []


def test_dropdowns_and_colour_limits_reach_the_kernel(show):
    page = open_map(show)
    high = heatmap(page).locator("[data-control=limit-high]")
    high.focus()
    page.keyboard.press("ArrowLeft")
    low, top = trait(page, "pair_heatmap", "colour_limits")
    assert low == 0
    assert top == pytest.approx(60 * 199 / 200, abs=0.5)
    heatmap(page).get_by_text("Auto").click()
    assert trait(page, "pair_heatmap", "colour_limits") is None
    heatmap(page).locator("[data-control=lower]").select_option("one")
    assert trait(page, "pair_heatmap", "lower") == "one"


def test_the_colour_limits_are_reset_by_keys(show):
    page = open_map(show)
    auto = heatmap(page).locator("[data-control=auto-limits]")
    high = heatmap(page).locator("[data-control=limit-high]")
    assert auto.is_hidden()
    high.focus()
    page.keyboard.press("ArrowLeft")
    auto.wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    auto.wait_for(state="hidden")
    assert trait(page, "pair_heatmap", "colour_limits") is None


def test_the_chosen_normalisation_is_named_and_takes_the_limits_back(show):
    page = show("views=pair_heatmap&masks=0&length=60", 520)
    high = heatmap(page).locator("[data-control=limit-high]")
    high.focus()
    page.keyboard.press("ArrowLeft")
    caption = heatmap(page).locator(".plm-caption").first
    assert caption.is_hidden()
    heatmap(page).locator("[data-control=normalisation]").select_option("separation_z")
    caption.get_by_text("JS divergence (directed), z-score by separation").wait_for()
    assert trait(page, "pair_heatmap", "normalisation") == "separation_z"
    assert trait(page, "pair_heatmap", "colour_limits") is None
    assert heatmap(page).locator(".plm-caption:visible").count() == 1, "contacts are as they are"
    heatmap(page).locator("[data-control=normalisation]").select_option("none")
    caption.wait_for(state="hidden")


def open_running(show, width=520, query=""):
    return show(f"views=pair_heatmap&masks=0&length=60&status=running{query}", width)


def drag(page, start, end, release=True):
    """Draw a region with Shift held down, from one cell to another."""
    page.keyboard.down("Shift")
    page.mouse.move(*cell_centre(page, *start))
    page.mouse.down()
    page.mouse.move(*cell_centre(page, *end), steps=4)
    if release:
        page.mouse.up()
    page.keyboard.up("Shift")


def sent(page):
    return page.evaluate("dev.models.get('pair_heatmap').sent")


def test_a_region_is_drawn_asked_for_and_outlined_until_it_is_there(show):
    page = open_running(show)
    drag(page, (14, 44), (5, 30), release=False)
    wait_for(page, heatmap(page), "data-brush", "5,14,30,44")
    assert sent(page) == []
    page.mouse.up()
    wait_for(page, heatmap(page), "data-brush", "")
    wait_for(page, heatmap(page), "data-region", "5,14,30,44")
    assert sent(page) == [{"type": "prioritise", "rows": [5, 14], "columns": [30, 44]}]
    labels = trait(page, "pair_heatmap", "protein")["labels"]
    told = heatmap(page).locator(".plm-announcer").text_content()
    assert told.endswith(f"rows {labels[5]} to {labels[14]}, columns {labels[30]} to {labels[44]}")
    assert state(page)["pair"] is None
    page.evaluate("dev.models.get('pair_heatmap').receive({ region: null })")
    wait_for(page, heatmap(page), "data-region", "")


def test_escape_ends_a_region_that_is_drawn(show):
    page = open_running(show)
    drag(page, (5, 30), (14, 44), release=False)
    wait_for(page, heatmap(page), "data-brush", "5,14,30,44")
    page.keyboard.press("Escape")
    wait_for(page, heatmap(page), "data-brush", "")
    page.mouse.move(*cell_centre(page, 20, 50))
    page.mouse.up()
    assert sent(page) == []
    assert heatmap(page).get_attribute("data-brush") == ""
    assert state(page)["pair"] is None


def test_a_region_ends_at_the_edge_of_the_map(show):
    page = open_running(show)
    x, y = cell_centre(page, 50, 50)
    page.keyboard.down("Shift")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 400, y + 10, steps=3)
    page.mouse.up()
    wait_for(page, heatmap(page), "data-region", "50,51,50,59")


def test_p_asks_for_what_is_in_sight(show):
    page = open_running(show)
    heatmap(page).locator("canvas").focus()
    page.keyboard.press("p")
    heatmap(page).locator(".plm-announcer", has_text="Zoom in first").wait_for(state="attached")
    for _ in range(3):
        page.keyboard.press("+")
    heatmap(page).get_by_text("Reset zoom").wait_for()
    page.keyboard.press("p")
    page.wait_for_function("dev.models.get('pair_heatmap').get('region') !== null")
    (message,) = sent(page)
    for first, last in (message["rows"], message["columns"]):
        assert 0 < first < last < 59
        assert last - first + 1 == pytest.approx(60 / 1.4**3, abs=2)


def test_a_finished_scan_has_no_regions(show):
    page = show("views=pair_heatmap&masks=0&length=60&status=finished", 520)
    assert heatmap(page).get_by_text("Shift and drag").is_hidden()
    drag(page, (5, 30), (14, 44))
    page.keyboard.press("p")
    heatmap(page).locator(".plm-announcer", has_text="nothing left").wait_for(state="attached")
    assert sent(page) == []


# Boxes of all that is written or can be used around the map, with what they say.
BOXES = """host => {
  const parts = ".plm-controls select, .plm-caption, .plm-limit, .plm-bar," +
    ".plm-status > *, .plm-scale .plm-item, button, canvas";
  const frame = host.getBoundingClientRect();
  return [...host.shadowRoot.querySelectorAll(parts)]
    .map((part) => [part, part.getBoundingClientRect()])
    .filter(([, box]) => box.width * box.height > 0)
    .map(([part, box]) => [
      part.className + " " + part.textContent.slice(0, 40),
      box.left - frame.left, box.top, box.right - frame.left, box.bottom, frame.width,
    ]);
}"""


@pytest.mark.parametrize("width", [320, 450, 600, 1000])
def test_nothing_overlaps_at_any_width(show, width):
    page = open_running(show, width, "&state=estimated")
    high = heatmap(page).locator("[data-control=limit-high]")
    heatmap(page).locator("[data-control=normalisation]").select_option("separation_z")
    heatmap(page).locator(".plm-caption").first.wait_for()
    high.focus()
    page.keyboard.press("ArrowLeft")
    heatmap(page).locator("[data-control=auto-limits]").wait_for()
    heatmap(page).get_by_text("some pairs are estimated").wait_for()
    boxes = heatmap(page).evaluate(BOXES)
    assert len(boxes) > 12
    for k, (name, left, top, right, bottom, limit) in enumerate(boxes):
        assert left >= -0.5 and right <= limit + 0.5, f"{name} sticks out"
        for other, *edges, _ in boxes[k + 1 :]:
            apart = right <= edges[0] + 0.5 or edges[2] <= left + 0.5
            apart = apart or bottom <= edges[1] + 0.5 or edges[3] <= top + 0.5
            assert apart, f"{name} overlaps {other}"


def test_a_map_of_another_protein_is_an_error_in_words(show):
    page = show("views=pair_heatmap&masks=0&length=30", 520)
    page.evaluate(FILL, [20, 1])
    heatmap(page).get_by_text("does not fit a protein of 30 residues").wait_for()
    page.problems.clear()


def show_structure(show, protein, **traits):
    page = show(f"{VIEWS}&length={len(protein)}", 520)
    page.set_viewport_size({"width": 552, "height": 1300})
    given = {"structure": protein.structure.to_cif(), "top_k_max": 100, **traits}
    page.evaluate("given => dev.models.get('structure_view').receive(given)", given)
    wait_for(page, structure(page), "data-structure-ready", "true")
    return page


def spot(page, position):
    """Return where a residue is drawn on the page."""
    box = structure(page).locator("canvas").bounding_box()
    x, y = structure(page).evaluate("(host, k) => host.plmProject(k)", position)
    return box["x"] + x, box["y"] + y


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


def test_clicks_and_hover_in_3d_reach_the_other_views(show, protein):
    page = show_structure(show, protein)
    for position in residues_in_sight(page, len(protein)):
        x, y = spot(page, position)
        page.mouse.move(x - 2, y)
        page.mouse.move(x, y)
        page.wait_for_function(
            "k => String(dev.models.get('pair_heatmap').get('hover')) === String(k)", arg=position
        )
        page.mouse.click(x, y)
        wait_for(page, structure(page), "data-masked", str(position))
        assert trait(page, "structure_view", "selection_state")["masked"] == [position]
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
    assert math.dist(before, spot(page, 0)) > 10
    assert trait(page, "structure_view", "selection_state")["masked"] == []


def test_pairs_are_drawn_and_the_map_selects_one(show, protein):
    pairs = [[2, 18, True], [4, 40, False], [6, 54, None]]
    page = show_structure(show, protein, pairs=pairs, top_k=2)
    wait_for(page, structure(page), "data-cylinders", "2")
    assert structure(page).get_by_text("not in contact (1)").is_visible()
    fill(page, len(protein))
    page.mouse.click(*cell_centre(page, 2, 18))
    wait_for(page, structure(page), "data-pair", "2,18")
    page.mouse.move(1, 1)
    text = structure(page).locator(".plm-chip-pair").text_content()
    labels = trait(page, "structure_view", "protein")["labels"]
    assert text.startswith(f"{labels[2]} · {labels[18]}  ")
    assert text.endswith(" Å")


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
    assert structure(page).locator(".plm-message").is_hidden()


def test_without_structure_and_with_a_bad_one_it_says_so(show, protein):
    page = show("views=structure_view&masks=0", 520)
    assert structure(page).get_by_text("No structure").is_visible()
    page.evaluate("dev.models.get('structure_view').receive({structure: 'data_none'})")
    structure(page).get_by_text("could not be read").wait_for()
    page.problems.clear()
    cif = json.dumps(protein.structure.to_cif())
    page.evaluate(f"dev.models.get('structure_view').receive({{structure: {cif}}})")
    wait_for(page, structure(page), "data-structure-ready", "true")


def test_without_webgl_it_says_so(show):
    page = show("views=structure_view&masks=0", 520)
    page.evaluate(
        """() => {
          HTMLCanvasElement.prototype.getContext = () => null;
          dev.models.get("structure_view").receive({ structure: "data_none" });
        }"""
    )
    structure(page).get_by_text("gives no WebGL").wait_for()
    page.problems.clear()
