"""The view of a training example on the dev page, in a real headless browser."""

import dev_page
import pytest
from access import NAMELESS, walk_by_tab
from dev_page import expect_trait, settle, trait, wait_for
from layout import overlaps, parts_of
from playwright.sync_api import expect

address, show = dev_page.address, dev_page.show
QUERY = "views=corruption_view&length=80"


def view(page):
    return page.locator(".plmwidgets-corruption_view")


def facts_of(page, condition):
    """What Python says of the draw, once its rate is as it should be."""
    page.wait_for_function(
        f"(rate => {condition})(dev.models.get('corruption_view').get('facts').rate)"
    )
    return trait(page, "corruption_view", "facts")


def test_three_sliders_keep_their_sum(show):
    page = show(QUERY)
    masked = view(page).get_by_label("Share of the chosen that are masked")
    masked.fill("0.5")
    expect_trait(page, "corruption_view", "split", [0.5, 0.25, 0.25])
    expect(view(page).get_by_label("Share of the chosen that are kept")).to_have_value("0.25")
    masked.focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    expect_trait(page, "corruption_view", "split", [0.52, 0.24, 0.24])


def test_a_draw_is_shown_with_its_fates_and_drawn_again(show):
    page = show(f"{QUERY}&masks=0")
    rate = view(page).get_by_label("Rate: share of residues")
    rate.fill("0.6")
    counts = facts_of(page, "rate === 0.6")["counts"]
    wait_for(page, view(page), "data-chosen", str(sum(counts[1:])))
    for fate, count in zip(("untouched", "masked", "random", "kept"), counts, strict=True):
        expect(view(page).locator(f".strip-cell.fate-{fate}")).to_have_count(count)
    shown = trait(page, "corruption_view", "shown")
    seen = view(page).locator(".fate-seen").all_inner_texts()
    assert [letter or "_" for letter in seen] == list(shown)
    sequence = page.evaluate("dev.toy.sequence")
    assert view(page).locator(".fate-was").all_inner_texts() == list(sequence)
    view(page).get_by_role("button", name="Draw again").click()
    expect_trait(page, "corruption_view", "seed", 8)
    wait_for(page, view(page), "data-seed", "8")
    assert trait(page, "corruption_view", "shown") != shown


def test_a_residue_says_what_became_of_it_and_goes_into_focus(show):
    page = show(f"{QUERY}&masks=0")
    cell = view(page).locator(".strip-cell.fate-masked").first
    at = int(cell.get_attribute("data-position"))
    cell.hover()
    tooltip = view(page).locator(".plm-tooltip")
    expect(tooltip).to_contain_text(": hidden\np(")
    expect(tooltip).to_contain_text("nats")
    cell.click()
    expect_trait(page, "corruption_view", "selection_state.focus", at)
    view(page).get_by_role("listbox").focus()
    page.keyboard.press("ArrowRight")
    expect_trait(page, "corruption_view", "selection_state.focus", at + 1)
    active = view(page).get_by_role("listbox").get_attribute("aria-activedescendant")
    assert active == f"f{at + 1}"


def test_another_distribution_takes_the_rate_over(show):
    page = show(QUERY)
    view(page).get_by_label("Where the rate comes from").select_option("esm3")
    rate = view(page).get_by_label("Rate: share of residues")
    expect(rate).to_be_disabled()
    drawn = facts_of(page, "rate !== 0.15")["rate"]
    expect(rate).to_have_value(f"{drawn:.2f}".rstrip("0"))
    figure = view(page).locator("svg.rate-plot")
    expect(figure).to_have_attribute(
        "aria-label",
        f"Rates that are drawn (ESM3: Beta(3, 9) or uniform): mean 0.30, this draw {drawn:.3f}",
    )
    assert view(page).locator(".rate-bar").count() == 40
    spans = view(page).get_by_label("Length of the runs")
    spans.fill("5")
    spans.press("Enter")
    expect_trait(page, "corruption_view", "span", 5)
    spans.fill("0")
    spans.press("Enter")
    settle(page)
    assert trait(page, "corruption_view", "span") == 5, "what makes no sense is not sent"


def test_losses_stand_by_fate_and_an_average_comes_and_stops(show):
    page = show(QUERY)
    table = view(page).get_by_role("table")
    draw = trait(page, "corruption_view", "losses")["draw"]
    for name, (n, loss, _) in zip(("masked", "random", "kept", "all chosen"), draw, strict=True):
        row = table.get_by_role("row", name=name)
        expect(row).to_contain_text(f"n = {n}")
        expect(row).to_contain_text("–" if loss is None else f"{loss:.2f}")
    view(page).get_by_role("button", name="Average 200 draws").click()
    stop = view(page).get_by_role("button", name="Stop (32 of 200)")
    expect(table).to_contain_text("mean of 32 draws of 200")
    stop.click()
    expect(table).to_contain_text("mean of 64 draws of 200")
    expect(view(page).get_by_role("button", name="Average 200 draws")).to_be_enabled()


def test_it_says_what_is_wrong(show):
    page = show(f"{QUERY}&state=empty")
    expect(view(page).get_by_text("too much is hidden")).to_be_visible()
    page.evaluate("dev.models.get('corruption_view').receive({ in_step: false })")
    expect(view(page).get_by_text("changed by hand")).to_be_visible()
    view(page).get_by_role("button", name="Put them back").click()
    expect(view(page).get_by_text("changed by hand")).to_be_hidden()
    page = show(f"{QUERY}&state=error")
    expect(view(page).get_by_role("alert")).to_contain_text("ran out of memory")


@pytest.mark.parametrize("presenter", ["", "&presenter=1"])
@pytest.mark.parametrize("width", [320, 600, 1600])
def test_nothing_overlaps(show, width, presenter):
    page = show(f"{QUERY}&state=live{presenter}", width)
    settle(page)
    found = parts_of(page)
    assert len(found) > 30
    assert overlaps(found) == []


def test_everything_has_a_name_and_is_reached_by_tab(show):
    page = show(QUERY)
    assert view(page).evaluate(NAMELESS) == []
    wanted, reached = walk_by_tab(page, "corruption_view")["corruption_view"]
    assert len(wanted) == 10  # two buttons, the distribution, four sliders, two numbers, the strip
    assert reached == set(wanted)
