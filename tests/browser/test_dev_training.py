"""The view of a training on the dev page, in a real headless browser."""

import dev_page
import pytest
from access import NAMELESS
from dev_page import wait_for
from playwright.sync_api import expect

address, show = dev_page.address, dev_page.show
QUERY = "views=training_curve&status="


def view(page):
    return page.locator(".plmwidgets-training_curve")


def test_it_draws_the_curve_and_says_it_in_words(show):
    page = show(f"{QUERY}running", 700)
    wait_for(page, view(page), "data-points", "250")
    figure = view(page).get_by_role("img")
    expect(figure).to_have_attribute(
        "aria-label",
        "Loss over 400 steps: 250 of 400 steps · 13 s "
        "left · held-out loss 2.78 → 2.44 · LoRA, rank 8",
    )
    drawn = figure.locator("polyline.each-step").get_attribute("points").split()
    assert len(drawn) == 250
    assert figure.locator("circle.held-out-dot").count() == 13
    box = figure.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 80)
    expect(view(page).get_by_role("tooltip")).to_contain_text("held out, after 180: loss")
    assert view(page).evaluate(NAMELESS) == []


def test_it_is_held_and_goes_on(show):
    page = show(f"{QUERY}running", 700)
    for button, status in (("Pause", "paused"), ("Resume", "running"), ("Stop", "cancelled")):
        view(page).get_by_role("button", name=button).click()
        wait_for(page, view(page), "data-status", status)
    expect(view(page)).to_contain_text("Nothing computed is lost")


@pytest.mark.parametrize("query", ["ready&state=empty", "failed", "finished"])
@pytest.mark.parametrize("width", [280, 900])
def test_it_stands_in_every_state_and_width(show, query, width):
    page = show(f"{QUERY}{query}", width)
    box = view(page).bounding_box()
    assert box["width"] <= width
    assert view(page).evaluate("node => node.scrollWidth <= node.clientWidth")
    if query == "failed":
        expect(view(page)).to_contain_text("give a smaller learning_rate")
    if query == "finished":
        expect(view(page).locator("circle.best")).to_have_count(1)
        expect(view(page).get_by_role("button", name="Pause")).to_be_hidden()
