"""The page of a whole notebook, opened from file:// with the network cut and no kernel."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from test_offline_page import OUTPUT, Page

from plmwidgets.offline.notebook import notebook_page

CELLS = [
    new_markdown_cell("# A lecture\n\n**Hide** a residue. <img src=x onerror=alert(1)>"),
    new_code_cell(
        "import plmwidgets as plm\n"
        "protein = plm.Protein.demo()\n"
        "explorer = plm.Explorer(protein, 'demo', cache=False, presenter=True)\n"
        "explorer.scan.start(); explorer.scan.wait()\n"
        "explorer.to_html('alone.html', contexts=['30-32'])\n"
        "explorer"
    ),
    new_code_cell("explorer.selection.masked = {20}\nplm.predict(protein, 'demo').iloc[:2, :3]"),
    new_code_cell("plm.PairHeatmap(explorer.scan)"),
    new_code_cell(
        "traces = [plm.unmask(protein, 'demo', range(64), s) for s in ('random', 'entropy')]\n"
        "plm.UnmaskingPlayer(traces)"
    ),
]


@pytest.fixture(scope="module")
def lecture(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lecture")
    nbformat.write(new_notebook(cells=CELLS), folder / "lecture.ipynb")
    return notebook_page(folder / "lecture.ipynb", folder / "lecture.html")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_lecture_works_from_a_file(chromium, lecture, scheme):
    context = chromium.new_context(viewport={"width": 1200, "height": 1000}, color_scheme=scheme)
    context.set_offline(True)
    page = Page(context.new_page())
    tab = page.page
    tab.goto(lecture.as_uri())
    tab.wait_for_selector("body[data-ready]", timeout=60_000)

    assert tab.title() == "A lecture"
    assert tab.locator("article h1").text_content() == "A lecture"
    assert tab.locator("article > .text img").count() == 0  # words, not markup
    assert tab.locator("article table td").first.text_content()
    assert tab.locator("article[data-presenter]").count() == 1
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")

    # The explorer is live, for what is recorded: also the context that `to_html` was given.
    explorer = tab.locator('[data-part="0"]')
    distributions = explorer.locator(".plmwidgets-distributions")
    strip = explorer.locator(".plmwidgets-sequence_strip")
    tab.wait_for_function(
        "view => view.dataset.context === '20'", arg=distributions.element_handle()
    )
    for residues, context_of in [("30-32", "29,30,31"), ("5", "4")]:
        strip.get_by_label("Residues to mask").fill(residues)
        strip.get_by_label("Residues to mask").press("Enter")
        tab.wait_for_function(
            "([view, masked]) => view.dataset.context === masked",
            arg=[distributions.element_handle(), context_of],
        )
    strip.get_by_label("Residues to mask").fill("40-45")
    strip.get_by_label("Residues to mask").press("Enter")
    strip.get_by_text("Not recorded for these masks").wait_for()

    # A map by itself is a picture and says so; the player has all its steps with it.
    picture = tab.locator('[data-part="1"]')
    picture.get_by_text("A picture of how it stood").wait_for()
    assert picture.locator("section[inert]").count() == 1
    player = tab.locator('[data-part="2"]')
    assert player.locator("section[inert]").count() == 0
    slider = player.get_by_role("slider")
    slider.fill("2")
    player.get_by_text("step 2 (0 to").wait_for()
    player.get_by_role("button", name="Fork").click()
    player.get_by_text("That asks the model: open the notebook.").wait_for()

    OUTPUT.mkdir(exist_ok=True)
    tab.screenshot(path=str(OUTPUT / f"notebook-page-{scheme}.png"), full_page=True)
    context.close()
    assert (page.outside, page.errors, page.dialogs) == ([], [], [])
