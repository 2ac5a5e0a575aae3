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


MODEL, DIFFERENCE = "base+lora", "base+lora \u2212 base"


def p_of(page, trait, a, b):
    return page.evaluate(
        """([trait, a, b]) => {
          const model = dev.models.get("joint_table");
          const { data } = model.get(trait).probabilities;
          const letters = model.get("letters");
          const at = 20 * letters.indexOf(a) + letters.indexOf(b);
          return new Float32Array(data.buffer)[at];
        }""",
        [trait, a, b],
    )


def number(text):
    return float(text.replace("\u2212", "-"))


@pytest.mark.parametrize("query", ["", "&presenter=1"])
def test_two_models_and_their_difference_are_chosen(show, query):
    page = open_pair(show, f"&two=base%2Blora{query}")
    wait_for(page, table(page), "data-pair", "4,19")
    control = table(page).get_by_label("Whose joint distribution is shown")
    assert control.locator("option").all_text_contents() == ["base", MODEL, DIFFERENCE]
    rows = table(page).locator("tbody tr")
    ends = table(page).locator(".letters-scale")
    expect(table(page).get_by_text("0.310 bits")).to_be_visible()
    scale = ends.inner_text()
    control.select_option("base")
    expect(table(page).get_by_text("0.190 bits")).to_be_visible()
    assert ends.inner_text() == scale  # one for both, so that they compare
    first = rows.first.locator("td").all_inner_texts()
    assert number(first[2]) == pytest.approx(p_of(page, "reference_table", *first[:2]), abs=6e-4)

    control.select_option(DIFFERENCE)
    expect_trait(page, "joint_table", "shown", DIFFERENCE)
    expect(table(page).get_by_text("0.310 \u2212 0.190 = +0.120 bits")).to_be_visible()
    expect(table(page).get_by_text("What changed most")).to_be_visible()
    expect(ends).to_contain_text("bits, difference")
    expect(rows).to_have_count(6)
    changes = []
    for row in rows.all():
        a, b, p, other, change = row.locator("td").all_inner_texts()
        own, base = (p_of(page, trait, a, b) for trait in ("table", "reference_table"))
        assert [number(p), number(other), number(change)] == pytest.approx(
            [own, base, own - base], abs=6e-4
        )
        changes.append(abs(number(change)))
    assert changes == sorted(changes, reverse=True)
    assert "Difference of the joint" in table(page).locator("canvas").evaluate("c => c.ariaLabel")
    table(page).locator("canvas").focus()
    page.keyboard.press("ArrowRight")
    expect(table(page).locator(".plm-tooltip")).to_contain_text("log2 ratio:")
    table(page).get_by_label("What the colours show").select_option("probability")
    expect_trait(page, "joint_table", "show", "probability")
    expect(table(page).locator(".letters-scale")).not_to_contain_text("bits")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_difference_of_two_pairs_is_never_drawn(show):
    page = open_pair(show, "&two=base%2Blora")
    wait_for(page, table(page), "data-pair", "4,19")
    table(page).get_by_label("Whose joint distribution is shown").select_option(DIFFERENCE)
    expect(table(page).get_by_text("What changed most")).to_be_visible()
    page.evaluate(
        """() => {
          const model = dev.models.get("joint_table");
          model.receive({ reference_table: { ...model.get("reference_table"), pair: [1, 2] } });
        }"""
    )
    expect(table(page).locator("canvas")).to_be_hidden()
    expect(table(page).get_by_text("The model is asked")).to_be_visible()
    table(page).get_by_label("Whose joint distribution is shown").select_option(MODEL)
    wait_for(page, table(page), "data-pair", "4,19")


def test_without_a_second_model_there_is_no_choice(show):
    page = open_pair(show)
    expect(table(page).get_by_label("Whose joint distribution is shown")).to_be_hidden()
