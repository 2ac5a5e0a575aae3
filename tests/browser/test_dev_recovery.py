"""The view of contact recovery on the dev page, in a real headless browser."""

import dev_page
import pytest
from access import NAMELESS, walk_by_tab
from dev_page import expect_trait, settle, trait, wait_for
from layout import overlaps, parts_of
from playwright.sync_api import expect

address, show = dev_page.address, dev_page.show
QUERY = "views=recovery_view&length=80"


def view(page):
    return page.locator(".plmwidgets-recovery_view")


def centre(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.mark.parametrize("query", ["", "&presenter=1"])
def test_a_segment_is_dragged_and_its_ends_are(show, query):
    page = show(QUERY + query, 800)
    segment = view(page).get_by_role("slider", name="Segment", exact=True)
    wait_for(page, view(page), "data-segments", "26-48")
    residue = view(page).locator(".recovery-bar").bounding_box()["width"] / 80
    x, y = centre(segment)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 5.2 * residue, y, steps=4)
    wait_for(page, view(page), "data-segments", "31-53")
    page.mouse.move(x + 900, y, steps=3)
    page.mouse.up()
    expect_trait(page, "recovery_view", "segments", [[58, 80]])
    box = segment.bounding_box()
    page.mouse.move(box["x"] + 3, y)
    page.mouse.down()
    page.mouse.move(box["x"] + 3 - 4.1 * residue, y, steps=3)
    page.mouse.up()
    expect_trait(page, "recovery_view", "segments", [[54, 80]])
    # A click beside it brings it there.
    bar = view(page).locator(".recovery-bar").bounding_box()
    page.mouse.click(bar["x"] + 30 * residue, y)
    expect_trait(page, "recovery_view", "segments", [[17, 43]])


def test_a_segment_goes_by_keys_and_says_where_it_is(show):
    page = show(QUERY, 800)
    segment = view(page).get_by_role("slider", name="Segment", exact=True)
    segment.focus()
    for key in ("ArrowRight", "Shift+ArrowRight", "ArrowLeft", "+", "+", "-"):
        page.keyboard.press(key)
    expect_trait(page, "recovery_view", "segments", [[36, 59]])
    labels = page.evaluate("dev.toy.labels")
    expect(segment).to_have_attribute(
        "aria-valuetext", f"{labels[36]} to {labels[58]}, 23 residues"
    )
    expect(segment).to_have_attribute("aria-valuenow", "37")


def test_the_flank_slides_and_is_chosen_on_the_curve(show):
    page = show(QUERY, 800)
    wait_for(page, view(page), "data-points", "33")
    slider = view(page).get_by_label("Flank length k")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect_trait(page, "recovery_view", "flank", 6)
    expect(view(page).get_by_text("At k = 6: R =")).to_be_visible()
    figure = view(page).locator(".recovery-figure")
    box = figure.bounding_box()
    plot = box["width"] - 54
    page.mouse.click(box["x"] + 40 + plot * 20 / 32, box["y"] + 90)
    expect_trait(page, "recovery_view", "flank", 20)
    expect(view(page).get_by_text("At k = 20: R = 1.00, recovered.")).to_be_visible()
    expect(view(page).locator(".plm-tooltip")).to_contain_text("k = 20\nR = 1.00, recovered")
    label = view(page).locator(".recovery-figure svg").get_attribute("aria-label")
    assert "Recovered first at k = 6" in label
    assert "It jumps" in label
    assert view(page).locator(".jump").count() == 1


def test_draws_are_a_fan(show):
    page = show(QUERY, 800)
    view(page).get_by_label("What is shown beside the segment").select_option("random")
    expect_trait(page, "recovery_view", "strategy", "random")
    expect(view(page).get_by_text("(median)")).to_be_visible()
    box = view(page).locator(".fan-range").bounding_box()
    assert box["height"] > 40
    view(page).get_by_label("Segments with contacts").select_option("4,26")
    expect_trait(page, "recovery_view", "segments", [[4, 26]])


def test_without_a_contact_head_it_says_so_and_the_jacobian_helps(show):
    page = show(f"{QUERY}&state=empty", 800)
    expect(view(page).get_by_text("no trained contact head")).to_be_visible()
    expect(view(page).locator(".recovery-figure")).to_be_hidden()
    view(page).get_by_label("Where the contact maps come from").select_option("jacobian")
    expect(view(page).get_by_text("no trained contact head")).to_be_hidden()
    expect(view(page).locator(".recovery-figure")).to_be_visible()


def test_it_says_that_it_computes_and_what_fails(show):
    page = show(f"{QUERY}&state=pending", 800)
    expect(view(page).get_by_text("The map of the whole sequence comes first")).to_be_visible()
    assert trait(page, "recovery_view", "curve") is None
    page = show(f"{QUERY}&state=error", 800)
    expect(view(page).get_by_role("alert")).to_contain_text("ran out of memory")


@pytest.mark.parametrize("presenter", ["", "&presenter=1"])
@pytest.mark.parametrize("width", [320, 600, 1600])
def test_nothing_overlaps(show, width, presenter):
    page = show(f"{QUERY}&state=live{presenter}", width)
    settle(page)
    found = parts_of(page)
    assert len(found) > 8
    assert overlaps(found) == []


def test_everything_has_a_name_and_is_reached_by_tab(show):
    page = show(QUERY, 800)
    wait_for(page, view(page), "data-points", "33")
    assert view(page).evaluate(NAMELESS) == []
    wanted, reached = walk_by_tab(page, "recovery_view")["recovery_view"]
    assert len(wanted) == 5  # three choices, the segment and the slider
    assert reached == set(wanted)
