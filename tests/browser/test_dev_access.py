"""Every control of every view can be reached by keyboard, is seen to be, and has a name."""

import dev_page
import pytest
from dev_page import structure, wait_for
from playwright.sync_api import expect
from test_dev_layout import SELECT, open_all

from plmwidgets.protein import Protein

address, show = dev_page.address, dev_page.show
VIEWS = {
    "sequence_strip": 11,
    "scan_panel": 2,
    "pair_heatmap": 6,
    "structure_view": 4,
    "distributions": 7,
    "joint_table": 4,
    "pair_table": 10,
    "attention_grid": 8,
    "jacobian_table": 1,
    "training_curve": 1,
    "unmasking_player": 5,
    "corruption_view": 5,
    "residue_quiz": 5,
    "embedding_plot": 3,
}


@pytest.fixture(scope="module")
def cif():
    return Protein.demo().structure.to_cif()


@pytest.fixture
def views(show, cif):
    page = open_all(show, cif, 1000, "status=running")
    page.evaluate(SELECT, [2, 6])
    page.locator(".plmwidgets-joint_table[data-pair='2,6']").wait_for()
    page.locator(".plmwidgets-distributions[data-context='2,6']").wait_for()
    wait_for(page, structure(page), "data-structure-ready", "true")
    return page


# Every stop of the Tab key, in turn: its view, its place there, and whether a ring is around it.
FOCUSED = """() => {
  const host = document.activeElement;
  const node = host?.shadowRoot?.activeElement;
  if (!node) return null;
  const usable = [...host.shadowRoot.querySelectorAll("button, select, input, [tabindex]")];
  const ring = getComputedStyle(node);
  return {
    view: host.className.replace(/.*plmwidgets-/, ""), place: usable.indexOf(node),
    ring: ring.outlineStyle !== "none" && parseFloat(ring.outlineWidth) >= 2,
  };
}"""
USABLE = """host => [...host.shadowRoot.querySelectorAll("button, select, input, [tabindex]")]
  .map((node, place) => [node, place])
  .filter(([node]) => node.checkVisibility({ visibilityProperty: true }))
  .filter(([node]) => !node.disabled && node.tabIndex >= 0)
  .map(([node, place]) => [place, node.outerHTML.slice(0, 120)])"""


def test_tab_reaches_every_control_with_a_ring(views):
    wanted = {name: dict(views.locator(f".plmwidgets-{name}").evaluate(USABLE)) for name in VIEWS}
    reached = {name: set() for name in VIEWS}
    views.mouse.click(2, 2)
    for _ in range(sum(map(len, wanted.values())) + 2):
        views.keyboard.press("Tab")
        at = views.evaluate(FOCUSED)
        if at:
            reached[at["view"]].add(at["place"])
            assert at["ring"], (at["view"], wanted[at["view"]][at["place"]])
    for name, least in VIEWS.items():
        missed = [html for place, html in wanted[name].items() if place not in reached[name]]
        assert missed == [], name
        assert len(wanted[name]) >= least


# The roles that people act on, or that say something, without the name that says what.
NAMELESS = """host => {
  const roles = "button, select, input, canvas, svg[role], [role=listbox], [role=progressbar]," +
    " [role=img], [role=group], [role=option], [tabindex]";
  const text = node => (node?.textContent ?? "").trim();
  const name = node =>
    node.getAttribute("aria-label") || text(node.labels?.[0]) ||
    (node.matches("button, [role=option]") ? text(node) : "") || "";
  return [...host.shadowRoot.querySelectorAll(roles)]
    .filter(node => node.checkVisibility() && !node.closest("[aria-hidden=true]"))
    .filter(node => !/[A-Za-z]/.test(name(node)))
    .map(node => node.outerHTML.slice(0, 120));
}"""


@pytest.mark.parametrize("name", VIEWS)
def test_everything_has_a_name(views, name):
    view = views.locator(f".plmwidgets-{name}")
    assert view.evaluate(NAMELESS) == []
    region = views.get_by_role("region").and_(view)
    expect(region).to_have_count(1)
    assert region.get_attribute("aria-label")


def test_nothing_moves_by_itself_where_motion_is_reduced(show, cif):
    page = open_all(show, cif, 1000, "status=running&state=pending")
    moving = (
        "[...document.querySelectorAll('.plmwidgets')].flatMap(v => v.shadowRoot.getAnimations())"
        ".filter(a => a.playState === 'running').length"
    )
    page.wait_for_function(f"{moving} > 0")
    page.emulate_media(reduced_motion="reduce")
    page.wait_for_function(f"{moving} === 0")
