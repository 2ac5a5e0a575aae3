"""The views of mutation scores on the dev page, in a real headless browser."""

from urllib.parse import quote

import dev_page
import pytest
from access import NAMELESS, walk_by_tab
from dev_page import expect_trait, settle, wait_for
from layout import overlaps, parts_of
from playwright.sync_api import expect
from test_dev_hostile import EVERYTHING, TEXT

address, show = dev_page.address, dev_page.show
ALPHABET, CHEMISTRY = "ACDEFGHIKLMNPQRSTVWY", "AFILVMWYDEKRHNQSTGPC"
BOTH = "views=mutation_heatmap,scatter_plot,sequence_strip&masks=0&length=60"
GUTTER, HEAD, ROW = 20, 26, 13


def heatmap(page):
    return page.locator(".plmwidgets-mutation_heatmap")


def scatter(page):
    return page.locator(".plmwidgets-scatter_plot")


def canvas_of(view):
    return view.locator("canvas")


def cell_centre(page, position, letter, below=False):
    """Return where a cell is on the page."""
    canvas = canvas_of(heatmap(page))
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    scale = box["width"] / canvas.evaluate("canvas => canvas.offsetWidth")
    cell, scroll = (float(canvas.get_attribute(f"data-{name}")) for name in ("cell", "scroll"))
    row = CHEMISTRY.index(letter)
    x = GUTTER + (position + 0.5) * cell - scroll
    y = HEAD + (HEAD + 20 * ROW) * below + ROW * (row + 0.5)
    return box["x"] + scale * x, box["y"] + scale * y


def other_letter(page, position):
    return "W" if page.evaluate("dev.toy.sequence")[position] != "W" else "D"


def value_at(page, map_index, position, letter):
    """A number of the map as the page was sent it."""
    return page.evaluate(
        """([k, at]) => {
          const { data } = dev.models.get("mutation_heatmap").get("maps")[k].values;
          return data.getFloat32(4 * at, true);
        }""",
        [map_index, 20 * position + ALPHABET.index(letter)],
    )


def expect_substitutions(page, *wanted):
    expect_trait(page, "mutation_heatmap", "selection_state.substitutions", list(wanted))


@pytest.mark.parametrize("query", ["", "&presenter=1"])
def test_a_click_substitutes_and_a_second_one_takes_it_back(show, query):
    page = show(BOTH + query)
    letter = other_letter(page, 12)
    page.mouse.click(*cell_centre(page, 12, letter))
    expect_substitutions(page, [12, letter])
    wait_for(page, heatmap(page), "data-substitutions", f"12{letter}")
    third = other_letter(page, 30)
    page.mouse.click(*cell_centre(page, 30, third, below=True))
    expect_substitutions(page, [12, letter], [30, third])
    page.mouse.click(*cell_centre(page, 12, letter))
    expect_substitutions(page, [30, third])
    own = page.evaluate("dev.toy.sequence")[30]
    page.mouse.click(*cell_centre(page, 30, own))
    expect_substitutions(page)


def test_the_tooltip_says_what_every_map_holds(show):
    page = show(BOTH)
    letter = other_letter(page, 7)
    page.mouse.move(*cell_centre(page, 7, letter))
    tooltip = heatmap(page).locator(".plm-tooltip")
    expect(tooltip).to_contain_text(f"{page.evaluate('dev.toy.labels')[7]} → {letter}")
    told = tooltip.inner_text().split("\n")[1]
    assert float(told.split(": ")[1]) == pytest.approx(value_at(page, 0, 7, letter), rel=0.01)
    expect(tooltip).to_contain_text("measured, made up")
    own = page.evaluate("dev.toy.sequence")[7]
    page.mouse.move(*cell_centre(page, 7, own))
    expect(tooltip).to_contain_text("wild type")


def test_pointing_is_seen_in_the_other_views(show):
    page = show(BOTH)
    measured = page.evaluate(
        """() => {
          const { data } = dev.models.get("mutation_heatmap").get("maps")[1].values;
          const known = at => isFinite(data.getFloat32(4 * at, true));
          return [...Array(1200).keys()].find(at => at > 400 && known(at));
        }"""
    )
    position, letter = measured // 20, ALPHABET[measured % 20]
    page.mouse.move(*cell_centre(page, position, letter))
    expect_trait(page, "scatter_plot", "hover", [position])
    page.wait_for_function(
        """() => document.querySelector(".plmwidgets-scatter_plot").shadowRoot
          .querySelector("canvas").dataset.meant.split(",").length === 1"""
    )
    point = int(canvas_of(scatter(page)).get_attribute("data-meant"))
    # and the other way round: the point of that cell
    x, y = page.evaluate(
        """point => {
          const { x, y } = dev.models.get("scatter_plot").get("points");
          return [x, y].map(({ data, shape }) => {
            const all = Array.from({ length: shape[0] }, (_, k) => data.getFloat32(4 * k, true));
            const [low, high] = [Math.min(...all), Math.max(...all)];
            const room = 0.04 * (high - low);
            return (all[point] - low + room) / (high - low + 2 * room);
          });
        }""",
        point,
    )
    canvas = canvas_of(scatter(page))
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    width, height = box["width"] - 56 - 12, box["height"] - 8 - 40
    page.mouse.move(box["x"] + 56 + width * x, box["y"] + 8 + height * (1 - y))
    page.wait_for_function(
        """() => /^\\d+$/.test(document.querySelector(".plmwidgets-scatter_plot").shadowRoot
          .querySelector("canvas").dataset.pointed)"""
    )
    found = int(canvas.get_attribute("data-pointed"))
    sites = page.evaluate(
        """k => { const { data } = dev.models.get("scatter_plot").get("points").sites;
          return [0, 1].map(j => data.getFloat32(4 * (2 * k + j), true)); }""",
        found,
    )
    cell = f"{int(sites[0])}{ALPHABET[int(sites[1])]}"
    wait_for(page, canvas_of(heatmap(page)), "data-pointed", cell)
    page.mouse.down()
    page.mouse.up()
    expect_substitutions(page, [int(sites[0]), ALPHABET[int(sites[1])]])


def test_the_keyboard_does_what_the_mouse_does(show):
    page = show(BOTH)
    canvas_of(heatmap(page)).focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Shift+ArrowRight"):
        page.keyboard.press(key)
    labels = page.evaluate("dev.toy.labels")
    tooltip = heatmap(page).locator(".plm-tooltip")
    expect(tooltip).to_contain_text(labels[11])
    announced = heatmap(page).locator("[aria-live]").first
    expect(announced).to_contain_text(labels[11])
    sequence = page.evaluate("dev.toy.sequence")
    page.keyboard.press("Enter")
    if sequence[11] == CHEMISTRY[1]:
        expect_substitutions(page)
    else:
        expect_substitutions(page, [11, CHEMISTRY[1]])
    page.keyboard.press("Escape")
    expect(tooltip).to_be_hidden()
    canvas_of(scatter(page)).focus()
    page.keyboard.press("ArrowRight")
    expect(scatter(page).locator(".plm-tooltip")).to_be_visible()
    before = page.evaluate("dev.models.get('scatter_plot').get('selection_state').clock")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "n => dev.models.get('scatter_plot').get('selection_state').clock > n", arg=before
    )


def test_a_long_protein_scrolls_and_zooms_about_the_pointer(show):
    page = show("views=mutation_heatmap&masks=0&length=1000")
    canvas = canvas_of(heatmap(page))
    assert float(canvas.get_attribute("data-cell")) == 8
    heatmap(page).locator(".mut-scroll").evaluate("node => { node.scrollLeft = 4000; }")
    wait_for(page, canvas, "data-scroll", "4000")
    letter = other_letter(page, 555)
    place = cell_centre(page, 555, letter)
    page.mouse.move(place[0] - 3, place[1])
    page.mouse.move(*place)
    page.mouse.wheel(0, -120)
    page.wait_for_function("canvas => Number(canvas.dataset.cell) > 9", arg=canvas.element_handle())
    assert cell_centre(page, 555, letter)[0] == pytest.approx(place[0], abs=6)
    page.mouse.click(*cell_centre(page, 555, letter))
    expect_substitutions(page, [555, letter])
    for _ in range(12):
        heatmap(page).get_by_role("button", name="Zoom out").click()
    wait_for(page, canvas, "data-scroll", "0")
    assert float(canvas.get_attribute("data-cell")) < 1
    heatmap(page).get_by_role("button", name="Reset zoom").click()
    wait_for(page, canvas, "data-cell", "8")


def test_maps_are_chosen_computed_and_rescaled(show):
    page = show("views=mutation_heatmap&masks=0&length=60")
    view = heatmap(page)
    wait_for(page, view, "data-maps", "masked,dms")
    view.get_by_label("Map", exact=True).select_option("mutant")
    wait_for(page, view, "data-maps", "mutant,dms")
    assert view.get_attribute("data-known").startswith("0,")
    view.get_by_role("button", name="Compute").click()
    page.wait_for_function(
        "view => view.dataset.known.startsWith('1200,')", arg=view.element_handle()
    )
    expect(view.get_by_role("button", name="Compute")).to_be_hidden()
    view.get_by_label("Map below").select_option("")
    wait_for(page, view, "data-maps", "mutant")
    view.get_by_label("Ends of the colour scale").fill("40")
    page.wait_for_function("dev.models.get('mutation_heatmap').get('limit') > 0")
    limit = page.evaluate("dev.models.get('mutation_heatmap').get('limit')")
    expect(view.locator(".mut-legend")).to_contain_text(f"{limit:.3g} nats")
    view.get_by_label("Order of the amino acids").select_option("alphabet")
    expect_trait(page, "mutation_heatmap", "order", "alphabet")


def test_states_without_numbers_and_with_errors_say_so(show):
    page = show(BOTH + "&state=empty")
    expect(scatter(page)).to_contain_text("No variant has a score yet.")
    expect(heatmap(page).get_by_role("button", name="Compute")).to_be_visible()
    page = show(BOTH + "&state=error")
    expect(heatmap(page).get_by_role("alert")).to_contain_text("ran out of memory")
    expect(scatter(page).get_by_role("alert")).to_contain_text("ran out of memory")


@pytest.mark.parametrize("query", ["", "&presenter=1", "&state=empty"])
@pytest.mark.parametrize("width", [320, 600, 1600])
def test_nothing_overlaps(show, width, query):
    page = show(f"views=mutation_heatmap,scatter_plot&length=64{query}", width)
    settle(page)
    found = parts_of(page)
    assert len(found) > 15
    assert overlaps(found) == []


def test_everything_has_a_name_and_a_ring(show):
    page = show("views=mutation_heatmap,scatter_plot&length=64&state=empty")
    views = {"mutation_heatmap": heatmap(page)}
    filled = show("views=mutation_heatmap,scatter_plot&length=64")
    for opened in (page, filled):
        for name in ("mutation_heatmap", "scatter_plot"):
            assert opened.locator(f".plmwidgets-{name}").evaluate(NAMELESS) == []
    found = walk_by_tab(filled, "mutation_heatmap", "scatter_plot").values()
    assert all(set(wanted) <= reached for wanted, reached in found)
    assert sum(len(wanted) for wanted, _ in found) >= 9
    assert views["mutation_heatmap"].get_attribute("aria-label")


@pytest.mark.parametrize("query", ["", "&state=error", "&state=empty"])
def test_words_made_to_run_are_drawn_as_text(show, query):
    page = show(f"views=mutation_heatmap,scatter_plot&length=64&text={quote(TEXT)}{query}")
    page.mouse.move(*cell_centre(page, 3, "W"))
    settle(page)
    found = page.evaluate(EVERYTHING)
    assert (found["elements"], found["handlers"]) == ([], [])
    assert TEXT in found["text"]
    assert page.evaluate("window.hacked") is None
