"""The pair map on the dev page, in a real headless browser."""

import math

import dev_page
import pytest
from dev_page import (
    FILL,
    cell_centre,
    expect_state,
    expect_trait,
    heatmap,
    open_map,
    settle,
    trait,
    wait_for,
)
from playwright.sync_api import expect

address, show = dev_page.address, dev_page.show


@pytest.mark.parametrize("query", ["", "&presenter=1"])
def test_click_selects_the_pair_of_the_cell(show, query):
    page = open_map(show, query=query)
    page.mouse.click(*cell_centre(page, 10, 40))
    expect_state(page, pair=[10, 40])
    expect_state(page, masked=[10, 40])
    page.mouse.click(*cell_centre(page, 40, 10))
    expect_state(page, pair=[40, 10])
    wait_for(page, heatmap(page), "data-pair", "40,10")


def test_click_on_the_diagonal_toggles_a_mask(show):
    page = open_map(show)
    page.mouse.click(*cell_centre(page, 7, 7))
    expect_state(page, masked=[7])
    page.mouse.click(*cell_centre(page, 7, 7))
    expect_state(page, masked=[])


def test_presenter_mode_makes_everything_larger_at_once(show):
    page = open_map(show)
    select = heatmap(page).locator("[data-control=upper]")
    before = select.bounding_box()["height"]
    page.evaluate("dev.models.get('pair_heatmap').receive({ presenter: true })")
    expect(heatmap(page).locator(".plm-root.plm-presenter")).to_be_visible()
    assert select.bounding_box()["height"] == pytest.approx(1.4 * before, rel=0.03)
    page.mouse.move(*cell_centre(page, 10, 40))
    tooltip = heatmap(page).locator(".plm-tooltip")
    expect(tooltip).to_be_visible()
    box, frame = tooltip.bounding_box(), heatmap(page).bounding_box()
    _, y = cell_centre(page, 10, 40)
    assert box["x"] + box["width"] <= frame["x"] + frame["width"] + 1
    assert min(abs(box["y"] - y), abs(box["y"] + box["height"] - y)) < 40
    # as many pixels as the screen shows, else it would be blurred
    canvas = heatmap(page).locator("canvas")
    assert canvas.evaluate("c => c.width") == pytest.approx(canvas.bounding_box()["width"], abs=2)


def test_hover_names_the_cell_here_and_elsewhere(show):
    page = open_map(show, known=2)
    page.mouse.move(*cell_centre(page, 10, 40))
    tooltip = heatmap(page).locator(".plm-tooltip")
    labels = trait(page, "pair_heatmap", "protein")["labels"]
    expect(tooltip).to_contain_text(f"{labels[10]} · {labels[40]}")
    expect(tooltip).to_contain_text("10.0 bits")
    expect_trait(page, "pair_heatmap", "hover", [10, 40])
    page.mouse.move(*cell_centre(page, 10, 41))
    expect(tooltip).to_contain_text(labels[41])
    expect(tooltip).not_to_contain_text("10.0")
    page.mouse.move(1, 1)
    expect_trait(page, "pair_heatmap", "hover", [])
    expect(tooltip).to_be_hidden()


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
    settle(page)
    zoomed = cell_centre(page, 20, 30)
    assert math.dist(at, zoomed) < float(canvas.get_attribute("data-cell"))
    page.mouse.down()
    page.mouse.move(at[0] + 60, at[1] + 20, steps=4)
    page.mouse.up()
    settle(page)
    moved = cell_centre(page, 20, 30)
    assert moved[0] - zoomed[0] == pytest.approx(59, abs=2)
    assert moved[1] - zoomed[1] == pytest.approx(20, abs=2)
    settle(page)
    expect_state(page, pair=None)
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
    expect_trait(page, "pair_heatmap", "hover", [1, 11])
    page.keyboard.press("Enter")
    expect_state(page, pair=[1, 11])
    labels = trait(page, "pair_heatmap", "protein")["labels"]
    expect(heatmap(page).locator(".plm-announcer")).to_contain_text(labels[11])
    page.keyboard.press("Escape")
    expect_trait(page, "pair_heatmap", "hover", [])


def test_dropdowns_and_colour_limits_reach_the_kernel(show):
    page = open_map(show)
    high = heatmap(page).locator("[data-control=limit-high]")
    high.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("dev.models.get('pair_heatmap').get('colour_limits') !== null")
    low, top = trait(page, "pair_heatmap", "colour_limits")
    assert low == 0
    assert top == pytest.approx(60 * 199 / 200, abs=0.5)
    heatmap(page).get_by_text("Auto").click()
    expect_trait(page, "pair_heatmap", "colour_limits", None)
    heatmap(page).locator("[data-control=lower]").select_option("one")
    expect_trait(page, "pair_heatmap", "lower", "one")


def test_the_colour_limits_are_reset_by_keys(show):
    page = open_map(show)
    auto = heatmap(page).locator("[data-control=auto-limits]")
    high = heatmap(page).locator("[data-control=limit-high]")
    expect(auto).to_be_hidden()
    high.focus()
    page.keyboard.press("ArrowLeft")
    auto.wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    auto.wait_for(state="hidden")
    expect_trait(page, "pair_heatmap", "colour_limits", None)


def test_the_chosen_normalisation_is_named_and_takes_the_limits_back(show):
    page = show("views=pair_heatmap&masks=0&length=60", 520)
    high = heatmap(page).locator("[data-control=limit-high]")
    high.focus()
    page.keyboard.press("ArrowLeft")
    caption = heatmap(page).locator(".map-caption").first
    expect(caption).to_be_hidden()
    heatmap(page).locator("[data-control=normalisation]").select_option("separation_z")
    caption.get_by_text("JS divergence (directed), z-score by separation").wait_for()
    expect_trait(page, "pair_heatmap", "normalisation", "separation_z")
    expect_trait(page, "pair_heatmap", "colour_limits", None)
    # the contacts in the other triangle are as they are
    expect(heatmap(page).locator(".map-caption:visible")).to_have_count(1)
    heatmap(page).locator("[data-control=normalisation]").select_option("none")
    caption.wait_for(state="hidden")


def test_a_slider_goes_through_the_models(show):
    page = show("views=pair_heatmap&masks=0&length=60&models=8M,35M,150M&status=finished", 600)
    slider = heatmap(page).get_by_label("Model above the diagonal")
    below = heatmap(page).get_by_label("Model below the diagonal")
    expect(below).to_be_hidden()  # the contacts there are of no model
    heatmap(page).locator("[data-control=lower]").select_option("js_div")
    expect(below).to_be_visible()
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect_trait(page, "pair_heatmap", "upper_model", "150M")
    expect(heatmap(page).locator(".map-model-name")).to_have_text("150M")
    captions = heatmap(page).locator(".map-caption")
    expect(captions.nth(0)).to_have_text("JS divergence (directed), 150M")
    expect(captions.nth(1)).to_have_text("JS divergence (directed), 8M")
    below.select_option("35M")
    expect(captions.nth(1)).to_have_text("JS divergence (directed), 35M")
    page.mouse.move(*cell_centre(page, 3, 7))
    tooltip = heatmap(page).locator(".plm-tooltip")
    expect(tooltip).to_contain_text("JS divergence (directed), 150M")
    expect(tooltip).to_contain_text("JS divergence (directed), 35M")


def test_one_model_needs_no_slider(show):
    page = open_map(show)
    expect(heatmap(page).get_by_label("Model above the diagonal")).to_be_hidden()


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
    settle(page)
    assert sent(page) == []
    page.mouse.up()
    wait_for(page, heatmap(page), "data-brush", "")
    wait_for(page, heatmap(page), "data-region", "5,14,30,44")
    assert sent(page) == [{"type": "prioritise", "rows": [5, 14], "columns": [30, 44]}]
    labels = trait(page, "pair_heatmap", "protein")["labels"]
    told = f"rows {labels[5]} to {labels[14]}, columns {labels[30]} to {labels[44]}"
    expect(heatmap(page).locator(".plm-announcer")).to_contain_text(told)
    settle(page)
    expect_state(page, pair=None)
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
    settle(page)
    assert sent(page) == []
    assert heatmap(page).get_attribute("data-brush") == ""
    expect_state(page, pair=None)


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
    expect(heatmap(page).get_by_text("Shift and drag")).to_be_hidden()
    drag(page, (5, 30), (14, 44))
    page.keyboard.press("p")
    heatmap(page).locator(".plm-announcer", has_text="nothing left").wait_for(state="attached")
    assert sent(page) == []


# Boxes of all that is written or can be used around the map, with what they say.
BOXES = """host => {
  const parts = ".map-controls select, .map-caption, .map-limit, .map-bar," +
    ".map-status > *, .map-scale .plm-item, button, canvas";
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
    heatmap(page).locator(".map-caption").first.wait_for()
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
    page.forgiven = "does not fit a protein of 30 residues"
    page.evaluate(FILL, [20, 1])
    heatmap(page).get_by_text(page.forgiven).wait_for()
