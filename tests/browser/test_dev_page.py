"""The views on the dev page, with the mouse and the keyboard, on a made-up kernel."""

import json
import re

import dev_page
import pytest
from dev_page import settle
from playwright.sync_api import expect

address, show = dev_page.address, dev_page.show
BOTH = "views=sequence_strip,distributions&masks=0"


def strip(page):
    return page.locator(".plmwidgets-sequence_strip")


def cell(page, position):
    return strip(page).locator(f'[data-position="{position}"]')


def expect_masked(page, *positions):
    want = ",".join(map(str, positions))
    page.wait_for_function(
        "want => document.querySelector('.plmwidgets-sequence_strip').dataset.masked === want",
        arg=want,
    )


def expect_context(page, *positions):
    page.wait_for_function(
        "want => document.querySelector('.plmwidgets-distributions').dataset.context === want",
        arg=",".join(map(str, positions)),
    )


STATE = "dev.models.get('sequence_strip').get('selection_state')"


def expect_clock(page, clock):
    page.wait_for_function(f"clock => {STATE}.clock === clock", arg=clock)


def expect_substitutions(page, *substitutions):
    page.wait_for_function(
        f"want => JSON.stringify({STATE}.substitutions) === want",
        arg=json.dumps(substitutions, separators=(",", ":")),
    )


def drag(page, start, end, release=True):
    box = cell(page, start).bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 10)
    page.mouse.down()
    box = cell(page, end).bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 10, steps=6)
    if release:
        page.mouse.up()


def test_a_click_masks_and_unmasks_and_the_bars_follow(show):
    page = show(BOTH)
    cell(page, 24).click()
    expect_masked(page, 24)
    expect_context(page, 24)
    cell(page, 3).click()
    expect_context(page, 3, 24)
    cards = page.locator(".plmwidgets-distributions")
    expect(cards).to_have_attribute("data-positions", "3,24")
    values = cards.locator('[data-position="24"][data-letter]').evaluate_all(
        "bars => bars.map(bar => [bar.dataset.letter, Number(bar.dataset.p)])"
    )
    assert "".join(letter for letter, _ in values) == "ACDEFGHIKLMNPQRSTVWY"
    assert sum(p for _, p in values) == pytest.approx(1, abs=1e-5)
    want = page.evaluate("[...dev.toy.probabilities([3, 24], [])].slice(480, 500)")
    assert [p for _, p in values] == pytest.approx(want, abs=1e-6)
    expect(cell(page, 24)).to_have_attribute("aria-selected", "true")
    expect(cell(page, 24)).to_have_attribute("aria-label", re.compile(", masked$"))
    cell(page, 24).click()
    expect_masked(page, 3)


def test_shift_click_and_drag_change_ranges_in_one_step(show):
    page = show(BOTH)
    cell(page, 5).click()
    cell(page, 8).click(modifiers=["Shift"])
    expect_masked(page, 5, 6, 7, 8)
    drag(page, 22, 19)
    expect_masked(page, 5, 6, 7, 8, 19, 20, 21, 22)
    drag(page, 7, 20)
    expect_masked(page, 5, 6, 21, 22)
    expect_clock(page, 1 + 4)
    undo, redo = (strip(page).get_by_role("button", name=name) for name in ("Undo", "Redo"))
    expect(redo).to_be_disabled()
    undo.click()
    expect_masked(page, 5, 6, 7, 8, 19, 20, 21, 22)
    redo.click()
    expect_masked(page, 5, 6, 21, 22)
    expect(redo).to_be_disabled()
    for _ in range(4):
        undo.click()
    expect_masked(page)
    expect(undo).to_be_disabled()


def test_escape_takes_a_drag_back(show):
    page = show(BOTH)
    drag(page, 3, 9, release=False)
    page.keyboard.press("Escape")
    page.mouse.up()
    settle(page)
    expect_clock(page, 1)
    expect_masked(page)


def test_the_keyboard_does_it_all(show):
    page = show(BOTH)
    strip(page).get_by_role("listbox").focus()
    page.keyboard.press("Home")
    for key in ["ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft", "Space"]:
        page.keyboard.press(key)
    expect_masked(page, 51)  # five blocks of ten in a row at this width
    page.keyboard.press("w")
    expect_substitutions(page, [51, "W"])
    expect(cell(page, 51)).to_have_text("W")
    expect(cell(page, 51)).to_have_attribute("aria-label", re.compile("replaced by W"))
    page.keyboard.press("Backspace")
    expect_substitutions(page)
    page.keyboard.press("Control+z")
    page.wait_for_function(f"{STATE}.substitutions.length === 1")
    page.keyboard.press("Escape")
    expect_masked(page)
    expect_substitutions(page)


def test_text_and_buttons(show):
    page = show(BOTH)
    field = strip(page).get_by_label("Residues to mask")
    field.fill("3-5, 10")
    field.press("Enter")
    expect_masked(page, 2, 3, 4, 9)
    field.fill("nothing")
    field.press("Enter")
    strip(page).get_by_role("status").filter(has_text="names no residue").wait_for()
    expect_masked(page, 2, 3, 4, 9)
    strip(page).get_by_role("button", name="Invert").click()
    page.wait_for_function(f"{STATE}.masked.length === 60")
    strip(page).get_by_role("button", name="Clear").click()
    expect_masked(page)
    strip(page).get_by_role("button", name="Mask at random").click()
    page.wait_for_function(f"{STATE}.masked.length === 10")


def test_hover_is_shared_without_the_kernel(show):
    page = show(BOTH + "&delay=60000")
    cell(page, 30).hover()
    scroll = page.locator(".dist-scroll").bounding_box()
    page.mouse.move(scroll["x"] + 12.5 * scroll["width"] / 64, scroll["y"] + 60)
    page.wait_for_function(
        """() => document.querySelector('.plmwidgets-sequence_strip').shadowRoot
                   .querySelector('.is-hover')?.dataset.position === '12'"""
    )
    tip = page.locator(".plmwidgets-distributions .plm-tooltip")
    expect(tip).to_have_text(re.compile(r"13\s*p\(\w\) = 0\.\d+"))
    page.mouse.click(scroll["x"] + 12.5 * scroll["width"] / 64, scroll["y"] + 60)
    page.locator('.dist-card[data-card="12"]').wait_for()
    expect(strip(page).locator(".is-focus")).to_have_attribute("data-position", "12")


def test_the_profile_is_a_logo_when_asked(show):
    page = show(BOTH)
    page.get_by_label("Drawing of the whole protein").select_option("logo")
    view = page.locator('.plmwidgets-distributions[data-profile="logo"]')
    scroll = view.locator(".dist-scroll").bounding_box()
    expect(view.locator(".dist-bits")).to_be_visible()
    expect(view.locator(".dist-rows")).to_be_hidden()
    # the letter on top is the one with the largest probability: go down until it is met
    for y in range(10, 190, 4):
        page.mouse.move(scroll["x"] + 12.5 * scroll["width"] / 64, scroll["y"] + y)
        text = view.locator(".plm-tooltip").inner_text()
        if "p(" in text:
            break
    p = page.evaluate("[...dev.toy.probabilities([], [])].slice(240, 260)")
    best = "ACDEFGHIKLMNPQRSTVWY"[p.index(max(p))]
    assert f"p({best}) = {max(p):.3f}" in text


def test_a_card_unmasks_and_the_button_shows_the_rest(show):
    page = show("views=sequence_strip,distributions&masks=30")
    cards = page.locator(".dist-card")
    expect(cards).to_have_count(24)
    page.get_by_role("button", name="Show all 30").click()
    expect(cards).to_have_count(30)
    cards.nth(1).get_by_role("button", name="masked").click()
    page.wait_for_function(f"{STATE}.masked.length === 29")


def test_the_scan_panel_sends_one_message_a_click(show):
    page = show("views=scan_panel&status=ready")
    panel = page.locator(".plmwidgets-scan_panel")
    panel.get_by_role("button", name="Start").dblclick()
    page.wait_for_function(
        "document.querySelector('.plmwidgets-scan_panel').dataset.status === 'running'"
    )
    assert page.evaluate("dev.models.get('scan_panel').sent") == [{"type": "start"}]
    expect(panel.get_by_role("button")).to_have_text(["Pause", "Cancel"])
    bar = panel.get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", "60")
    expect(bar).to_have_attribute("aria-valuemax", "100")
    panel.get_by_role("button", name="Cancel").click()
    panel.get_by_text("Nothing computed is lost").wait_for()


def test_a_gesture_that_fails_is_told_in_its_view_alone(show):
    page = show("views=sequence_strip,distributions,scan_panel&masks=1")
    page.forgiven = "made to fail"
    page.evaluate(
        """() => {
          for (const model of dev.models.values())
            model.set = model.send = () => { throw new Error("made to fail"); };
        }"""
    )
    alerts = page.get_by_role("alert")
    told = "This view met an error: made to fail"
    strip(page).get_by_label("Colour by").select_option("chemistry")
    expect(alerts.filter(has_text=told)).to_have_count(1)
    expect(strip(page).get_by_role("alert")).to_have_text(told)
    page.locator(".plmwidgets-distributions").get_by_label("Order").select_option("chemistry")
    expect(alerts.filter(has_text=told)).to_have_count(2)


@pytest.mark.parametrize("view", ["sequence_strip", "distributions", "scan_panel"])
def test_views_fit_a_narrow_cell_and_say_what_went_wrong(show, view):
    page = show(f"views={view}&masks=30&state=error&theme=dark", width=320)
    assert page.evaluate("document.documentElement.scrollWidth") <= 352
    page.get_by_role("alert").get_by_text("out of memory").wait_for()
