"""The quiz on the dev page, in a real headless browser."""

import dev_page
import pytest
from access import NAMELESS, walk_by_tab
from dev_page import expect_trait, settle, trait, wait_for
from layout import overlaps, parts_of
from playwright.sync_api import expect

address, show = dev_page.address, dev_page.show
QUERY = "views=residue_quiz&length=64&models=one,two"
LETTERS = "ACDEFGHIKLMNPQRSTVWY"


def view(page):
    return page.locator(".plmwidgets-residue_quiz")


def counts(**votes):
    return [votes.get(letter, 0) for letter in LETTERS]


def table(page):
    return view(page).get_by_role("group", name="Votes:")


def test_letters_vote_by_keys_and_by_clicks(show):
    page = show(QUERY)
    table(page).focus()
    for key in ("w", "w", "Shift+W", "f", "F", "g", "1", "x", "3"):
        page.keyboard.press(key)
    # With caps lock a letter is upper case, and still one vote more.
    expect_trait(page, "residue_quiz", "votes", [counts(W=1, F=2, G=1)])
    key = view(page).get_by_role("button", name="Y, tyrosine")
    key.click()
    key.click()
    key.click(modifiers=["Shift"])
    expect_trait(page, "residue_quiz", "votes", [counts(W=1, F=2, G=1, Y=1)])
    line = view(page).get_by_role("img", name="Class: F 2 votes, G 1 vote, W 1 vote")
    expect(line).to_be_visible()
    page.keyboard.press("Backspace")
    expect_trait(page, "residue_quiz", "votes", [counts()])


def test_a_round_is_revealed_and_the_next_one_begins(show):
    page = show(QUERY)
    sequence = page.evaluate("dev.toy.sequence")
    expect(view(page).get_by_text("Which residue is hidden at 13?")).to_be_visible()
    cells = view(page).locator(".quiz-sequence .strip-cell")
    assert cells.nth(12).inner_text() == "?"
    expect(view(page).get_by_role("img", name="one: hidden until")).to_be_visible()
    table(page).focus()
    page.keyboard.press(sequence[12].lower())
    page.keyboard.press("Enter")
    wait_for(page, view(page), "data-revealed", "true")
    expect(cells.nth(12)).to_have_text(sequence[12])
    assert cells.nth(5).inner_text() == cells.nth(30).inner_text() == "?", "of later rounds"
    expect(view(page).get_by_role("status").filter(has_text="It is")).to_contain_text(
        f"It is {sequence[12]}13: Class +3.39 bits"
    )
    assert view(page).locator(".quiz-cell.is-true").count() == 3  # the class, and two models
    expect(view(page).get_by_role("button", name="A, alanine")).to_be_disabled()
    votes = trait(page, "residue_quiz", "votes")
    page.keyboard.press("w")
    settle(page)
    assert trait(page, "residue_quiz", "votes") == votes, "the round is over"
    view(page).get_by_role("button", name="Next round").click()
    expect(view(page).get_by_text("Which residue is hidden at 6?")).to_be_visible()
    expect_trait(page, "residue_quiz", "votes", [counts()])
    for _ in range(2):
        view(page).get_by_role("button", name="Reveal").click()
        wait_for(page, view(page), "data-revealed", "true")
        if trait(page, "residue_quiz", "round") < 2:
            view(page).get_by_role("button", name="Next round").click()
    expect(view(page).get_by_role("button", name="Next round")).to_be_disabled()
    expect(view(page).get_by_text("That was the last round. In all: ")).to_be_visible()


def test_several_players_take_turns(show):
    page = show(f"{QUERY}&state=own")
    view(page).get_by_role("button", name="Max").click()
    expect_trait(page, "residue_quiz", "player", 1)
    view(page).get_by_role("button", name="W, tryptophan").click()
    expect_trait(page, "residue_quiz", "votes", [counts(), counts(W=1), counts()])
    page.keyboard.press("3")
    expect_trait(page, "residue_quiz", "player", 2)
    page.keyboard.press("g")
    expect_trait(page, "residue_quiz", "votes", [counts(), counts(W=1), counts(G=1)])
    lena = view(page).get_by_role("button", name="Lena of the back row")
    expect(lena).to_have_attribute("aria-pressed", "true")
    expect(view(page).get_by_text("to vote for Lena of the back row")).to_be_visible()
    expect(view(page).get_by_role("img", name="Together: hidden")).to_be_visible()


def test_it_waits_for_the_model_and_says_what_fails(show):
    page = show(f"{QUERY}&state=pending")
    expect(view(page).get_by_text("still computing")).to_be_visible()
    expect(view(page).get_by_role("button", name="Reveal")).to_be_disabled()
    page = show(f"{QUERY}&state=error")
    expect(view(page).get_by_role("alert")).to_contain_text("ran out of memory")


@pytest.mark.parametrize("presenter", ["", "&presenter=1"])
@pytest.mark.parametrize("width", [320, 600, 1600])
def test_nothing_overlaps_and_nothing_jumps_when_it_is_revealed(show, width, presenter):
    page = show(f"{QUERY}&state=own{presenter}", width)
    height = "document.querySelector('.quiz-table, .plmwidgets').getBoundingClientRect().height"
    before = page.evaluate(height)
    assert overlaps(parts_of(page)) == []
    view(page).get_by_role("button", name="Reveal").click()
    wait_for(page, view(page), "data-revealed", "true")
    settle(page)
    found = parts_of(page)
    assert len(found) > 60
    assert overlaps(found) == []
    # What is said below takes more lines where it is narrow; the board does not grow.
    assert page.evaluate(height) - before < 90


def test_everything_has_a_name_and_is_reached_by_tab(show):
    page = show(f"{QUERY}&state=own")
    assert view(page).evaluate(NAMELESS) == []
    wanted, reached = walk_by_tab(page, "residue_quiz")["residue_quiz"]
    assert len(wanted) == 26  # two buttons, the board, twenty keys, three players
    assert reached == set(wanted)
