"""Nothing overlaps, nothing jumps, and everything has a name, in every view of the dev page."""

import dev_page
import pytest
from dev_page import settle, structure, wait_for
from layout import named, overlaps, parts_of

from plmwidgets.protein import Protein

address, show = dev_page.address, dev_page.show
ALL = (
    "sequence_strip,scan_panel,pair_heatmap,structure_view,distributions,joint_table,"
    "attention_grid,pair_table,jacobian_table,training_curve,"
    "unmasking_player,corruption_view,residue_quiz,embedding_plot"
)
SELECT = """pair => {
  const model = dev.models.get("pair_heatmap");
  const state = { ...model.get("selection_state") };
  Object.assign(state, { masked: pair, pair, focus: pair[0], clock: state.clock + 1 });
  model.send({ type: "select", state });
}"""


@pytest.fixture(scope="module")
def cif():
    return Protein.demo().structure.to_cif()


def open_all(show, cif, width, query="", views=ALL):
    page = show(f"views={views}&length=64&{query}", width)
    page.evaluate(
        "given => dev.models.get('structure_view').receive(given)",
        {"structure": cif, "pairs": [[2, 18, True], [4, 40, False], [6, 54, None]]},
    )
    wait_for(page, structure(page), "data-structure-ready", "true")
    return page


@pytest.mark.parametrize("presenter", ["", "&presenter=1"])
@pytest.mark.parametrize("width", [320, 600, 1600])
def test_nothing_overlaps_in_any_view(show, cif, width, presenter):
    query = f"status=failed&state=estimated&models=8M,35M,150M{presenter}"
    page = open_all(show, cif, width, query)
    page.locator("[data-control=lower]").select_option("js_div")
    page.locator("[data-control=lower-model]").wait_for()
    assert overlaps(parts_of(page)) == []
    page.evaluate("dev.scanAt('running', 0.5)")
    page.locator("[data-status=running]").first.wait_for()
    # a pair's table is there with a live kernel alone
    other = open_all(show, cif, width, f"status=running&two=base%2Blora{presenter}")
    other.evaluate(SELECT, [2, 6])
    other.locator(".plmwidgets-joint_table[data-pair='2,6']").wait_for()
    other.locator(".plmwidgets-distributions[data-context='2,6']").wait_for()
    for opened in (page, other):
        settle(opened)
        found = parts_of(opened)
        assert len(found) > 120
        assert overlaps(found) == []


@pytest.mark.parametrize(
    ("width", "query"), [(320, ""), (600, ""), (600, "&presenter=1"), (1600, "")]
)
def test_nothing_jumps_while_a_scan_fills_the_map(show, cif, width, query):
    page = open_all(show, cif, width, query, "scan_panel,pair_heatmap,structure_view")
    heights = "() => [...document.querySelectorAll('.plmwidgets')].map(v => v.offsetHeight)"
    steps = [("ready", 0), *(("running", share) for share in (0, 0.03, 0.21, 0.4))]
    steps += [("paused", 0.4), ("running", 0.41), ("running", 0.97), ("finished", 1)]
    places, tall = {}, None
    for status, share in steps:
        page.evaluate("step => dev.scanAt(...step)", [status, share])
        page.wait_for_function(
            "status => document.querySelector('.plmwidgets-scan_panel').dataset.status === status",
            arg=status,
        )
        settle(page)
        step = f"{status} at {share}"
        assert tall in (None, page.evaluate(heights)), f"a view grew or shrank: {step}"
        tall = page.evaluate(heights)
        for part in parts_of(page):
            left, top, right, bottom = part["box"]
            # What a text says changes its end, not where it begins.
            place = (left, top) if part["kind"] == "text" else (left, top, right, bottom)
            before, when = places.setdefault(part["id"], (place, step))
            assert place == pytest.approx(before, abs=1), f"{named(part)}: {when}, {step}"
    assert len(places) > 20
