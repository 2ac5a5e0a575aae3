"""The player of unmasking on the dev page, in a real headless browser."""

import dev_page
import pytest
from access import NAMELESS, walk_by_tab
from dev_page import expect_trait, settle, trait, wait_for
from layout import overlaps, parts_of
from playwright.sync_api import expect

address, show = dev_page.address, dev_page.show
QUERY = "views=unmasking_player&length=64&masks=0"


def view(page):
    return page.locator(".plmwidgets-unmasking_player")


def button(page, name):
    return view(page).get_by_role("button", name=name, exact=True)


def hidden(page, lane=0):
    return view(page).locator(".unmasking-lane").nth(lane).locator("[data-state=hidden]").count()


def test_steps_go_by_buttons_keys_and_slider(show):
    page = show(QUERY)
    wait_for(page, view(page), "data-step", "3")
    button(page, "One step on").click()
    expect_trait(page, "unmasking_player", "step", 4)
    button(page, "All hidden").click()
    expect_trait(page, "unmasking_player", "step", -1)
    expect(view(page).get_by_text("before the first step")).to_be_visible()
    assert hidden(page) == 39
    expect(button(page, "One step back")).to_be_disabled()
    slider = view(page).get_by_role("slider", name="Step")
    slider.focus()
    page.keyboard.press("End")
    expect_trait(page, "unmasking_player", "step", 7)
    wait_for(page, view(page), "data-step", "7")
    assert hidden(page) == 0
    expect(view(page).get_by_text("39 revealed, 0 hidden; 8 passes")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect_trait(page, "unmasking_player", "step", 6)
    text = slider.get_attribute("aria-valuetext")
    assert text.startswith("step 6 (0 to 7). entropy, seed 0:")


def test_it_plays_to_the_end_and_pauses(show):
    page = show(QUERY)
    button(page, "Play").click()
    expect(button(page, "Pause")).to_be_visible()
    wait_for(page, view(page), "data-step", "4")
    button(page, "Pause").click()
    expect(button(page, "Play")).to_be_visible()
    at = trait(page, "unmasking_player", "step")
    button(page, "Play").click()
    wait_for(page, view(page), "data-step", "7")
    expect(button(page, "Play")).to_be_visible()
    assert at < 7
    # From the end it begins anew.
    button(page, "Play").click()
    wait_for(page, view(page), "data-step", "-1")


@pytest.mark.parametrize("seed", ["", "7.5", "-1"])
def test_what_is_no_seed_forks_nothing(show, seed):
    page = show(QUERY)
    view(page).get_by_label("Seed of the fork").fill(seed)
    button(page, "Fork before step 4").click()
    assert page.evaluate("dev.models.get('unmasking_player').sent") == []
    view(page).get_by_label("Seed of the fork").fill("7")
    button(page, "Fork before step 4").click()
    wait_for(page, view(page), "data-lanes", "2")
    assert [fork["seed"] for fork in page.evaluate("dev.models.get('unmasking_player').sent")] == [
        7
    ]


def test_a_fork_shows_a_second_lane(show):
    page = show(QUERY)
    view(page).get_by_label("Strategy of the fork").select_option("left-to-right")
    view(page).get_by_label("Seed of the fork").fill("12")
    button(page, "Fork before step 4").click()
    wait_for(page, view(page), "data-lanes", "2")
    expect(view(page).get_by_text("left-to-right, seed 12, forked at step 4")).to_be_visible()
    sent = page.evaluate("dev.models.get('unmasking_player').sent")
    fork = {"type": "fork", "step": 4, "strategy": "left-to-right", "seed": 12}
    assert fork in sent
    assert hidden(page, 0) == hidden(page, 1)  # the same up to here
    states = "nodes => nodes.map(node => node.textContent).join()"
    cells = [view(page).locator(".strip-list").nth(k) for k in (0, 1)]
    same = [one.locator(".strip-cell").evaluate_all(states) for one in cells]
    assert same[0] == same[1]
    button(page, "To the end").click()
    wait_for(page, view(page), "data-step", "7")
    other = [one.locator(".strip-cell").evaluate_all(states) for one in cells]
    assert other[0] != other[1]
    expect(button(page, "Fork: go back a step first")).to_be_disabled()


def test_residues_are_linked_and_told(show):
    page = show(QUERY)
    cell = view(page).locator(".strip-cell").nth(21)
    cell.hover()
    expect(view(page).locator(".plm-tooltip")).to_contain_text("revealed as H in step 2")
    expect_trait(page, "unmasking_player", "hover", [21])
    cell.click()
    residues = view(page).get_by_role("listbox")
    residues.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "() => dev.models.get('unmasking_player').get('selection_state').focus === 22"
    )
    label = view(page).locator(".is-focus").get_attribute("aria-label")
    assert "hidden, entropy" in label
    view(page).get_by_label("Colour of the residues").select_option("probability")
    colour = "node => getComputedStyle(node).backgroundColor"
    assert cell.evaluate(colour) != "rgba(0, 0, 0, 0)"


def test_curves_tell_their_points(show):
    page = show(QUERY)
    label = view(page).locator(".unmasking-curves svg").get_attribute("aria-label")
    assert "pair-guided, 16 steps, 16.0 passes: -117.00" in label
    spot = view(page).locator(".unmasking-curves circle").nth(12)
    box = spot.bounding_box()
    page.mouse.move(box["x"] + 3, box["y"] + 3)
    expect(view(page).locator(".plm-tooltip")).to_contain_text("95 %), 200 seeds")
    page = show(f"{QUERY}&state=empty")
    expect(view(page).locator(".unmasking-curves svg")).to_be_hidden()
    page = show(f"{QUERY}&state=pending")
    expect(view(page).get_by_text("400 of 1000 steps computed")).to_be_visible()
    page = show(f"{QUERY}&state=error")
    expect(view(page).get_by_role("alert")).to_contain_text("ran out of memory")


@pytest.mark.parametrize("presenter", ["", "&presenter=1"])
@pytest.mark.parametrize("width", [320, 600, 1600])
def test_nothing_overlaps(show, width, presenter):
    page = show(f"{QUERY}&state=live{presenter}", width)
    view(page).locator("[data-control=fork]").click()
    wait_for(page, view(page), "data-lanes", "2")
    settle(page)
    found = parts_of(page)
    assert len(found) > 8
    assert overlaps(found) == []


def test_everything_has_a_name_and_is_reached_by_tab(show):
    page = show(QUERY)
    assert view(page).evaluate(NAMELESS) == []
    wanted, reached = walk_by_tab(page, "unmasking_player")["unmasking_player"]
    # Five buttons, the slider, colour, the residues, strategy, seed, fork.
    assert len(wanted) == 11
    assert reached == set(wanted)
