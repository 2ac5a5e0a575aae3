"""The table of a Jacobian's block on the dev page, in a real headless browser."""

import dev_page
import pytest
from dev_page import PATIENCE, cell_centre, fill, heatmap, wait_for
from playwright.sync_api import expect

address, show = dev_page.address, dev_page.show
VIEWS = "views=pair_heatmap,jacobian_table&masks=0&length=30"


def table(page):
    return page.locator(".plmwidgets-jacobian_table")


def open_pair(show, query=""):
    page = show(VIEWS + query, 520)
    fill(page, 30)
    expect(table(page).get_by_text("Click a cell of the map")).to_be_visible()
    page.mouse.click(*cell_centre(page, 4, 19))
    wait_for(page, heatmap(page), "data-pair", "4,19")
    return page


def values_of(page, pair):
    return page.evaluate("([i, j]) => [...dev.toy.block(i, j)]", pair)


@pytest.mark.parametrize("query", ["", "&presenter=1", "&theme=dark"])
def test_a_click_on_the_map_shows_how_its_residues_are_coupled(show, query):
    page = open_pair(show, query)
    wait_for(page, table(page), "data-pair", "4,19")
    expect(table(page).get_by_text("3 of 2 016 pairs".replace(" 016", "\u202f016"))).to_be_visible()
    values = values_of(page, (4, 19))
    rows = table(page).locator("tbody tr")
    expect(rows).to_have_count(6)
    first = rows.first.locator("td").all_inner_texts()
    strongest = max(range(400), key=lambda at: abs(values[at]))
    letters = "ACDEFGHIKLMNPQRSTVWY"
    assert first[:2] == [letters[strongest // 20], letters[strongest % 20]]
    assert float(first[2].replace("\u2212", "-")) == pytest.approx(values[strongest], abs=6e-3)

    canvas = table(page).locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    scale = box["width"] / canvas.evaluate("canvas => canvas.offsetWidth")
    page.mouse.move(box["x"] + scale * (34 + 8), box["y"] + scale * (34 + 24))
    labels = page.evaluate("dev.toy.labels")
    tooltip = table(page).locator(".plm-tooltip")
    expect(tooltip).to_contain_text(f"F at {labels[4]}, A at {labels[19]}", timeout=PATIENCE)
    expect(tooltip).to_contain_text("nats")
    assert "strongest is" in canvas.evaluate("canvas => canvas.ariaLabel")


def test_it_is_walked_over_by_keys(show):
    page = open_pair(show)
    wait_for(page, table(page), "data-pair", "4,19")
    table(page).locator("canvas").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    labels = page.evaluate("dev.toy.labels")
    expect(table(page).locator(".plm-tooltip")).to_contain_text(
        f"F at {labels[4]}, F at {labels[19]}"
    )


def test_it_says_why_there_is_no_block(show):
    page = open_pair(show, "&state=pending")
    expect(table(page).get_by_text("have still to be substituted")).to_be_visible()
    assert table(page).get_attribute("data-pair") == ""


def test_an_error_is_drawn(show):
    page = show(VIEWS + "&state=error", 520)
    expect(table(page).get_by_text("ran out of memory")).to_be_visible()


def test_nothing_is_wider_than_a_narrow_page(show):
    page = open_pair(show)
    wait_for(page, table(page), "data-pair", "4,19")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


DIFFERENCE = "base+lora \u2212 base"


@pytest.mark.parametrize("query", ["", "&presenter=1"])
def test_two_models_and_their_difference_are_chosen(show, query):
    page = open_pair(show, f"&two=base%2Blora{query}")
    wait_for(page, table(page), "data-pair", "4,19")
    control = table(page).get_by_label("Whose coupling is shown")
    assert control.locator("option").all_text_contents() == ["base", "base+lora", DIFFERENCE]
    ends = table(page).locator(".letters-scale")
    scale = ends.inner_text()
    control.select_option("base")
    expect(table(page).get_by_text("41 of")).to_be_visible()
    assert ends.inner_text() == scale  # one for both, so that they compare
    control.select_option(DIFFERENCE)
    expect(table(page).get_by_text("Changed most, + favoured more")).to_be_visible()
    expect(table(page).get_by_text("+0.750", exact=True)).to_be_visible()
    expect(ends).to_contain_text("nats, difference")
    block = values_of(page, (4, 19))
    values = [block[k] - 0.5 * block[(k + 21) % 400] for k in range(400)]
    strongest = max(range(400), key=lambda at: abs(values[at]))
    letters = "ACDEFGHIKLMNPQRSTVWY"
    first = table(page).locator("tbody tr").first.locator("td").all_inner_texts()
    assert first[:2] == [letters[strongest // 20], letters[strongest % 20]]
    assert float(first[2].replace("\u2212", "-")) == pytest.approx(values[strongest], abs=6e-3)
    table(page).locator("canvas").focus()
    page.keyboard.press("ArrowRight")
    expect(table(page).locator(".plm-tooltip")).to_contain_text("difference")
    assert "Difference of the coupling" in table(page).locator("canvas").evaluate(
        "c => c.ariaLabel"
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_a_second_model_there_is_no_choice(show):
    page = open_pair(show)
    expect(table(page).get_by_label("Whose coupling is shown")).to_be_hidden()
