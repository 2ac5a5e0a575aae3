"""The table of pairs, and a pair map without a scan, on the dev page in a real headless browser."""

import dev_page
import pytest
from dev_page import cell_centre, expect_trait, heatmap, settle, trait, wait_for
from playwright.sync_api import expect

address, show = dev_page.address, dev_page.show
VIEWS = "views=pair_table,pair_heatmap&masks=0&state=own"


def table(page):
    return page.locator(".plmwidgets-pair_table")


def count(page):
    return table(page).locator(".plm-muted[role=status]")


def column(page, place):
    """What is in a column, from top to bottom."""
    return table(page).locator(f"tbody td:nth-child({place})").all_inner_texts()


@pytest.fixture
def page(show):
    return show(VIEWS, 700)


def test_a_click_on_a_row_selects_its_pair_in_all_views(page):
    rows = trait(page, "pair_table", "rows")
    labels = page.evaluate("dev.toy.labels")
    lines = table(page).locator("tbody tr")
    expect(lines).to_have_count(len(rows))
    i, j = rows[3][:2]
    expect(lines.nth(3).locator("td").first).to_have_text(labels[i])
    lines.nth(3).hover()
    expect_trait(page, "pair_heatmap", "hover", [i, j])
    lines.nth(3).click()
    wait_for(page, heatmap(page), "data-pair", f"{i},{j}")
    expect_trait(page, "pair_table", "selection_state.masked", [i, j])
    expect(lines.nth(3)).to_have_attribute("aria-selected", "true")
    expect(table(page).locator("[aria-selected=true]")).to_have_count(1)


def test_the_map_under_the_pointer_marks_its_row(page):
    i, j = trait(page, "pair_table", "rows")[2][:2]
    page.mouse.move(*cell_centre(page, j, i))  # below the diagonal it is the same pair
    expect(table(page).locator("tr.is-pointed")).to_have_count(1)
    expect(table(page).locator("tbody tr").nth(2)).to_have_class("is-pointed")
    page.mouse.click(*cell_centre(page, j, i))
    expect(table(page).locator("tbody tr").nth(2)).to_have_attribute("aria-selected", "true")


def test_heads_sort_and_say_so(page):
    ranks = [int(text) for text in column(page, 4)]
    assert ranks == sorted(ranks)
    head = table(page).get_by_role("button", name="CB distance")
    head.click()
    far = [float(text) for text in column(page, 6)]
    assert far == sorted(far)
    cell = table(page).locator("th", has=page.get_by_role("button", name="CB distance"))
    expect(cell).to_have_attribute("aria-sort", "ascending")
    page.keyboard.press("Enter")  # the head has kept the focus
    expect(cell).to_have_attribute("aria-sort", "descending")
    assert [float(text) for text in column(page, 6)] == sorted(far, reverse=True)
    others = table(page).get_by_role("button", name="rank in attention")
    others.click()
    assert column(page, 5)[-1] == "–"
    others.click()
    assert column(page, 5)[-1] == "–", "what is not known stays last"


def test_rows_are_walked_by_keys(page):
    rows = trait(page, "pair_table", "rows")
    first = table(page).locator("tbody tr").first
    first.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowUp"):
        page.keyboard.press(key)
    expect_trait(page, "pair_heatmap", "hover", rows[1][:2])
    page.keyboard.press("Enter")
    wait_for(page, heatmap(page), "data-pair", ",".join(map(str, rows[1][:2])))
    page.keyboard.press("End")
    page.keyboard.press(" ")
    wait_for(page, heatmap(page), "data-pair", ",".join(map(str, rows[-1][:2])))
    # One row is in reach of Tab, so that a long table is no trap.
    assert table(page).locator("tr[tabindex='0']").count() == 1
    table(page).get_by_role("button", name="|i − j|").click()
    expect(table(page).locator("tr[tabindex='0']")).to_have_attribute("aria-selected", "true")


def test_what_is_compared_can_be_chosen(page):
    before = table(page).locator("tbody tr").count()
    table(page).get_by_label("contacts only").uncheck()
    expect_trait(page, "pair_table", "contacts_only", False)
    expect(table(page).get_by_role("columnheader", name="contact", exact=True)).to_be_visible()
    expect(table(page).locator("tbody tr").nth(before)).to_be_attached()
    table(page).get_by_label("Map that misses them").select_option("")
    expect(count(page)).to_have_text("64 pairs")
    table(page).get_by_label("How many pairs are a map's best").select_option("L/5")
    expect(count(page)).to_have_text("12 pairs")
    table(page).get_by_label("Map that finds the pairs").select_option("PMI")
    expect(table(page).get_by_role("button", name="rank in PMI")).to_be_visible()


def test_nothing_found_is_said(show):
    page = show("views=pair_table&state=empty", 600)
    expect(count(page)).to_have_text(
        "Jacobian has no contact among its best pairs that attention has not."
    )
    expect(table(page).locator("table")).to_be_hidden()
    many = [[k % 40, k % 40 + 6 + k // 40, k + 1, None, 5.0, True] for k in range(1200)]
    page.evaluate("rows => dev.models.get('pair_table').receive({ rows })", many)
    expect(count(page)).to_have_text("1\u202f200 contacts; the first 500 are listed")
    expect(table(page).locator("tbody tr")).to_have_count(500)


def test_names_of_maps_are_text(show):
    page = show("views=pair_table", 600)
    name = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"
    given = {"maps": [name, "b"], "found_by": name, "but_not": "b"}
    page.evaluate("given => dev.models.get('pair_table').receive(given)", given)
    expect(table(page).get_by_role("button", name=f"rank in {name}")).to_be_visible()
    expect(table(page).get_by_label("Map that finds the pairs")).to_have_value(name)
    page.evaluate("dev.models.get('pair_table').receive({ rows: [] })")
    expect(count(page)).to_contain_text(name)
    assert page.evaluate("window.hacked") is None
    assert table(page).locator("img, script").count() == 0


def test_a_map_of_no_scan_speaks_of_no_scan(page):
    view = heatmap(page)
    text = view.evaluate("host => host.shadowRoot.querySelector('.plm-root').innerText")
    for word in ("scan", "compute", "hidden", "No pairs", "Normal"):
        assert word not in text
    assert "scan" not in view.locator("canvas").get_attribute("aria-description")
    expect(view.get_by_label("Normalisation")).to_be_hidden()
    page.mouse.move(*cell_centre(page, 4, 19))
    tooltip = view.locator(".plm-tooltip")
    expect(tooltip).to_contain_text("Jacobian")
    expect(tooltip).to_contain_text("Known contacts")
    view.locator("canvas").press("p")
    settle(page)
    assert page.evaluate("dev.models.get('pair_heatmap').sent") == []
    page.evaluate(
        """() => {
          const model = dev.models.get("pair_heatmap");
          const map = model.get("upper_map");
          const data = new Float32Array(64 * 64).fill(NaN);
          model.receive({ upper_map: { ...map, values: { ...map.values, data } } });
        }"""
    )
    expect(view.get_by_text("This map knows nothing of any pair.")).to_be_visible()
