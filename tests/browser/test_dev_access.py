"""Every control of every view can be reached by keyboard, is seen to be, and has a name."""

import dev_page
import pytest
from access import NAMELESS, walk_by_tab
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
    "joint_table": 5,
    "pair_table": 10,
    "attention_grid": 9,
    "jacobian_table": 2,
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
    page = open_all(show, cif, 1000, "status=running&two=base%2Blora")
    page.evaluate(SELECT, [2, 6])
    page.locator(".plmwidgets-joint_table[data-pair='2,6']").wait_for()
    page.locator(".plmwidgets-distributions[data-context='2,6']").wait_for()
    wait_for(page, structure(page), "data-structure-ready", "true")
    return page


def test_tab_reaches_every_control_with_a_ring(views):
    found = walk_by_tab(views, *VIEWS)
    for name, least in VIEWS.items():
        wanted, reached = found[name]
        assert [html for place, html in wanted.items() if place not in reached] == [], name
        assert len(wanted) >= least


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
