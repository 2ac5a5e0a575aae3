"""The page that an Explorer writes, opened from file:// with the network cut and no kernel."""

import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from dev_page import cell_centre

from plmwidgets.offline.packing import PROBABILITY_ERROR
from plmwidgets.protein import Protein
from plmwidgets.scan.start import predict
from plmwidgets.widgets.explorer import Explorer
from plmwidgets.widgets.normalisation import normalise

NAME = "<img src=x onerror=alert(1)></script>"
OUTPUT = Path(__file__).parents[2] / "test-output"
WIDE, NARROW = {"width": 1600, "height": 1300}, {"width": 600, "height": 1000}


@pytest.fixture(scope="module")
def explorer():
    demo = Protein.demo()
    made = Explorer(Protein(demo.sequence, NAME, demo.structure), "demo")
    made.scan.start()
    made.scan.wait()
    for masked in ([3, 7, 12], [20]):
        made.selection.masked = masked
        deadline = time.monotonic() + 30
        while made.live.prediction is None or made.live.prediction.context.masked != tuple(masked):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    yield made
    made.close()


@pytest.fixture(scope="module")
def lesson(explorer, tmp_path_factory):
    return explorer.to_html(tmp_path_factory.mktemp("page") / "lesson.html", contexts=["30-32"])


class Page:
    """The written page, and what it said and asked for."""

    def __init__(self, page):
        self.page = page
        self.outside, self.errors, self.dialogs = [], [], []
        page.route("**/*", self._keep_inside)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))

    def _keep_inside(self, route):
        if urlsplit(route.request.url).scheme in ("file", "data", "blob"):
            route.continue_()
        else:
            self.outside.append(route.request.url)
            route.abort()

    def _heard(self, message):
        if message.type == "error":
            self.errors.append(message.text)

    def view(self, name):
        return self.page.locator(f".plmwidgets-{name}")

    def wait_for(self, view, attribute, value):
        self.page.wait_for_function(
            "([element, name, value]) => element.getAttribute(name) === value",
            arg=[self.view(view).element_handle(), attribute, value],
        )

    def click_residue(self, position):
        self.view("sequence_strip").locator(f'[data-position="{position}"]').first.click()

    def wait_for_context(self, masked):
        self.wait_for("distributions", "data-context", ",".join(map(str, masked)))

    def bars(self, position):
        drawn = self.view("distributions").locator(f'[data-position="{position}"][data-letter]')
        return dict(drawn.evaluate_all("bars => bars.map(b => [b.dataset.letter, +b.dataset.p])"))


@pytest.fixture
def opened(chromium, lesson):
    """Open the page: ``opened(viewport, scheme)``; it must ask for nothing and raise nothing."""
    made = []

    def make(viewport=WIDE, scheme="light"):
        context = chromium.new_context(viewport=viewport, color_scheme=scheme)
        context.set_offline(True)
        made.append((context, Page(context.new_page())))
        page = made[-1][1]
        page.page.goto(lesson.as_uri())
        page.page.wait_for_selector("body[data-ready]", timeout=60_000)
        return page

    yield make
    for context, page in made:
        context.close()
        assert (page.outside, page.errors, page.dialogs) == ([], [], [])


def check_bars(page, explorer, masked, positions):
    page.wait_for_context(masked)
    want = predict(explorer.protein, explorer.model, masked=masked)
    for position in positions:
        # six digits are drawn
        assert page.bars(position) == pytest.approx(
            want.iloc[position].to_dict(), abs=PROBABILITY_ERROR + 2e-6
        )


def test_masks_change_the_bars_as_the_model_does(opened, explorer):
    page = opened()
    check_bars(page, explorer, [20], [20])  # as the notebook stood
    page.click_residue(20)
    check_bars(page, explorer, [], [20])
    page.click_residue(12)
    check_bars(page, explorer, [12], [12])
    for position in (3, 7):
        page.click_residue(position)
    check_bars(page, explorer, [3, 7, 12], [3, 7, 12])


def test_a_context_that_is_not_recorded_is_grey_and_says_so(opened):
    page = opened()
    page.click_residue(3)
    page.click_residue(40)
    distributions = page.view("distributions")
    notice = distributions.get_by_text("Not recorded for these masks: open the notebook")
    notice.wait_for()
    page.view("sequence_strip").get_by_text("Not recorded for these masks").wait_for()
    page.wait_for("distributions", "data-positions", "40,3,20")
    assert distributions.locator(".is-unknown").count() == 1
    assert all(np.isnan(p) or p == 0 for p in page.bars(3).values())
    page.view("sequence_strip").get_by_role("button", name="Undo").click()
    page.view("sequence_strip").get_by_role("button", name="Undo").click()
    page.wait_for_context([20])
    notice.wait_for(state="hidden")
    page.view("sequence_strip").get_by_role("button", name="Redo").click()
    page.wait_for_context([3, 20])


def test_a_cell_of_the_map_shows_the_pair(opened, explorer):
    page = opened()
    page.page.mouse.click(*cell_centre(page.page, 10, 40))
    page.wait_for("pair_heatmap", "data-pair", "10,40")
    page.wait_for("structure_view", "data-pair", "10,40")
    page.wait_for("sequence_strip", "data-masked", "10,40")
    check_bars(page, explorer, [10, 40], [10, 40])
    page.view("distributions").get_by_text("Recorded for the masked residues alone").wait_for()


@pytest.mark.parametrize("how", ["none", "separation_z"])
def test_the_map_tells_the_scans_numbers_in_every_choice(opened, explorer, how):
    page = opened()
    heatmap = page.view("pair_heatmap")
    if how != "none":
        heatmap.locator("[data-control=normalisation]").select_option(how)
        heatmap.locator(".map-caption:visible").first.wait_for()
    heatmap.locator("[data-control=upper]").select_option("pmi")
    page.wait_for("pair_heatmap", "data-upper", "pmi")
    want = explorer.scan.values("pmi")
    want = want if how == "none" else normalise(how, want)
    labels = explorer.protein.residue_labels
    tooltip = heatmap.locator(".plm-tooltip")
    for i, j in [(2, 40), (0, 63), (30, 33)]:
        page.page.mouse.move(*cell_centre(page.page, i, j))
        tooltip.get_by_text(f"{labels[i]} · {labels[j]}").wait_for()
        text = tooltip.inner_text()
        for a, b in ((i, j), (j, i)):
            said = re.search(rf"{labels[a]} when {labels[b]} is hidden\s+(\S+)", text)[1]
            assert float(said) == pytest.approx(want[a, b], rel=0.06, abs=6e-4), text


def test_the_pointer_is_shared_and_the_structure_drawn(opened):
    page = opened()
    page.wait_for("structure_view", "data-structure-ready", "true")
    page.page.mouse.move(*cell_centre(page.page, 10, 40))
    strip = page.view("sequence_strip")
    page.page.wait_for_function(
        "strip => strip.shadowRoot.querySelectorAll('.is-hover').length === 2",
        arg=strip.element_handle(),
    )
    page.page.wait_for_function(
        "view => view.shadowRoot.querySelectorAll('circle:not([hidden])').length === 2",
        arg=page.view("structure_view").element_handle(),
    )
    top = page.view("structure_view").locator("[data-control=top-k]")
    top.fill("12")
    page.page.wait_for_function(
        "view => Number(view.dataset.cylinders) >= 12",
        arg=page.view("structure_view").element_handle(),
    )


def test_text_random_and_around_mask_as_in_the_notebook(opened, explorer):
    page = opened()
    strip = page.view("sequence_strip")
    field = strip.get_by_label("Residues to mask")
    for text in ("30-32", "1 64", "M1, 3 - 5"):
        field.fill(text)
        field.press("Enter")
        want = explorer.protein.parse_positions(text)
        page.wait_for("sequence_strip", "data-masked", ",".join(map(str, want)))
    field.fill("99")
    field.press("Enter")
    strip.get_by_text("there is no residue 99: the residues are numbered 1 to 64").wait_for()
    strip.get_by_role("button", name="Mask at random").click()
    page.page.wait_for_function(
        "strip => strip.dataset.masked.split(',').length === 10", arg=strip.element_handle()
    )
    strip.get_by_role("button", name="Clear").click()
    page.click_residue(30)
    strip.get_by_role("button", name="Mask around").click()
    near = np.flatnonzero(explorer.protein.distance_map()[30] <= 8.0)
    page.wait_for("sequence_strip", "data-masked", ",".join(map(str, near)))


def test_recorded_masks_are_found_again(opened, explorer):
    page = opened()
    labels = explorer.protein.residue_labels
    menu = page.page.get_by_label("Go to recorded masks")
    menu.select_option(label=", ".join(labels[i] for i in (29, 30, 31)))
    check_bars(page, explorer, [29, 30, 31], [29, 30, 31])


def test_the_keyboard_works_as_in_the_notebook(opened, explorer):
    page = opened()
    strip = page.view("sequence_strip")
    strip.get_by_role("listbox").focus()
    page.page.keyboard.press("Escape")
    page.wait_for_context([])
    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("Space")
    check_bars(page, explorer, [0], [0])
    page.page.keyboard.press("Control+z")
    page.wait_for_context([])
    page.page.keyboard.press("w")
    strip.get_by_text("Not recorded for these masks").wait_for()
    assert strip.locator('[data-position="0"]').text_content() == "W"


def test_colours_are_the_models_and_the_scans(opened, explorer):
    page = opened()
    strip = page.view("sequence_strip")
    tooltip = strip.locator(".plm-tooltip")
    page.click_residue(20)
    page.wait_for_context([])
    p = predict(explorer.protein, explorer.model).to_numpy()
    single = explorer.scan.single.perplexity
    own = p[np.arange(len(p)), explorer.protein.wild_type]
    for name, label, want in [
        ("perplexity", "Perplexity now", np.exp(-(p * np.log(p)).sum(1))),
        ("p_wild_type", "p(wild type) now", own),
        ("single_perplexity", "Perplexity, masked alone", single),
    ]:
        strip.get_by_label("Colour by").select_option(name)
        strip.locator(f'.plm-ramp[title="{label}"]').wait_for()  # drawn: the tooltip follows
        for position in (5, 40):
            strip.locator(f'[data-position="{position}"]').first.hover()
            tooltip.get_by_text(label).wait_for()
            said = float(tooltip.inner_text().split(":")[1])
            assert said == pytest.approx(want[position], rel=0.006)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, NARROW])
def test_the_page_fits_its_window_and_follows_the_theme(opened, viewport, scheme):
    page = opened(viewport, scheme)
    page.wait_for("structure_view", "data-structure-ready", "true")
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for name in ("sequence_strip", "pair_heatmap", "structure_view", "distributions"):
        root = page.view(name).locator(f'.plm-root[data-theme="{scheme}"]')
        root.wait_for()
        box = root.bounding_box()
        assert box["width"] >= 0.45 * (viewport["width"] - 80)
        assert box["x"] + box["width"] <= viewport["width"]
    paper = page.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 29)"}[scheme]
    OUTPUT.mkdir(exist_ok=True)
    picture = OUTPUT / f"offline-page-{scheme}-{viewport['width']}.png"
    page.page.screenshot(path=str(picture), full_page=True)


def test_names_are_text_and_what_is_recorded_is_said(opened, lesson):
    page = opened()
    assert page.page.locator("h1").text_content() == NAME
    assert page.page.locator("img").count() == 0
    assert page.page.title().startswith(NAME)
    page.page.get_by_text("2,016 of 2,016 pairs (exact, reference precision)").wait_for()
    page.page.get_by_text("Licences of the code in this page").click()
    page.page.get_by_text("MIT").first.wait_for()
    assert lesson.stat().st_size < 3e6
