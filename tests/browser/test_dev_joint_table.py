"""The joint table on the dev page, in a real headless browser."""

import dev_page
import pytest
from dev_page import PATIENCE, cell_centre, expect_trait, fill, heatmap, wait_for
from playwright.sync_api import expect

address, show = dev_page.address, dev_page.show
VIEWS = "views=pair_heatmap,joint_table&masks=0&length=30"


def table(page):
    return page.locator(".plmwidgets-joint_table")


def open_pair(show, query=""):
    page = show(VIEWS + query, 520)
    fill(page, 30)
    expect(table(page).get_by_text("Click a cell of the map")).to_be_visible()
    page.mouse.click(*cell_centre(page, 4, 19))
    wait_for(page, heatmap(page), "data-pair", "4,19")
    return page


@pytest.mark.parametrize("query", ["", "&presenter=1"])
def test_a_click_on_the_map_shows_how_its_residues_go_together(show, query):
    page = open_pair(show, query)
    wait_for(page, table(page), "data-pair", "4,19")
    expect(table(page).get_by_text("0.310 bits")).to_be_visible()
    rows = table(page).locator("tbody tr")
    expect(rows).to_have_count(6)
    first = rows.first.locator("td").all_inner_texts()
    p = page.evaluate(
        """([a, b]) => {
          const letters = dev.models.get("joint_table").get("letters");
          return dev.toy.joint(4, 19)[20 * letters.indexOf(a) + letters.indexOf(b)];
        }""",
        first[:2],
    )
    assert float(first[2]) == pytest.approx(p, abs=6e-4)
    assert float(first[2]) / float(first[3]) == pytest.approx(float(first[4][2:]), rel=0.2)

    canvas = table(page).locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    scale = box["width"] / canvas.evaluate("canvas => canvas.offsetWidth")
    page.mouse.move(box["x"] + scale * (34 + 8), box["y"] + scale * (34 + 24))
    labels = page.evaluate("dev.toy.labels")
    expect(table(page).locator(".plm-tooltip")).to_contain_text(
        f"F at {labels[4]}, A at {labels[19]}", timeout=PATIENCE
    )


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


def test_it_asks_only_when_told_to(show):
    page = show(VIEWS, 520)
    fill(page, 30)
    table(page).get_by_label("at every click").uncheck()
    expect_trait(page, "joint_table", "automatic", False)
    page.mouse.click(*cell_centre(page, 4, 19))
    button = table(page).get_by_role("button", name="Compute")
    button.click()
    wait_for(page, table(page), "data-pair", "4,19")
    expect(button).to_be_hidden()
    table(page).get_by_label("What the colours show").select_option("probability")
    expect_trait(page, "joint_table", "show", "probability")
