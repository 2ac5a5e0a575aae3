"""Names, labels and errors made to run scripts, in every view in a real browser: they stay text."""

from urllib.parse import quote

import dev_page
import pytest
from dev_page import cell_centre, fill, heatmap, settle, structure, wait_for
from playwright.sync_api import expect

from plmwidgets.protein import Protein

address, show = dev_page.address, dev_page.show
TEXT = "<img src=x onerror=window.hacked=1></option><script>window.hacked=1</script>&lt;"
VIEWS = (
    "sequence_strip",
    "distributions",
    "pair_heatmap",
    "structure_view",
    "joint_table",
    "attention_grid",
    "scan_panel",
    "pair_table",
    "jacobian_table",
    "mutation_heatmap",
    "scatter_plot",
    "recovery_view",
    "corruption_view",
    "residue_quiz",
    "unmasking_player",
    "training_curve",
    "embedding_plot",
)
# What the views make of themselves, and all text in them, on the page and in shadow roots.
EVERYTHING = """() => {
  const found = { elements: [], handlers: [], text: "" };
  const walk = root => {
    for (const node of root.querySelectorAll("*")) {
      if (["IMG", "SCRIPT", "IFRAME", "OBJECT", "LINK"].includes(node.tagName))
        found.elements.push(node.outerHTML);
      for (const { name } of node.attributes)
        if (name.startsWith("on")) found.handlers.push(node.outerHTML);
      if (node.shadowRoot) {
        for (const part of node.shadowRoot.children)
          if (part.tagName !== "STYLE") found.text += part.textContent;
        walk(node.shadowRoot);
      }
    }
  };
  walk(document.querySelector("main"));
  return found;
}"""


def check(page, views=0):
    settle(page)
    found = page.evaluate(EVERYTHING)
    assert (found["elements"], found["handlers"]) == ([], [])
    assert found["text"].count(TEXT) >= views, "the text is there to be read"
    assert page.evaluate("window.hacked") is None


def open_all(show, query=""):
    protein = Protein.demo()
    page = show(
        f"views={','.join(VIEWS)}&masks=2&length={len(protein)}&models={quote(TEXT)},two&two={quote(TEXT)}"
        f"&text={quote(TEXT)}{query}"
    )
    page.set_viewport_size({"width": 1032, "height": 3000})
    given = {"structure": protein.structure.to_cif(), "pairs": [[3, 20, True]]}
    page.evaluate("given => dev.models.get('structure_view').receive(given)", given)
    wait_for(page, structure(page), "data-structure-ready", "true")
    return page


@pytest.mark.parametrize("query", ["", "&state=error", "&status=failed", "&state=estimated"])
def test_words_are_drawn_as_text_in_every_view(show, query):
    page = open_all(show, query)
    check(page, views=10)
    if query == "&state=error":
        alerts = page.get_by_role("alert").filter(has_text=TEXT)
        expect(alerts).to_have_count(len(VIEWS))


def test_tooltips_and_what_follows_a_click_are_text(show):
    page = open_all(show)
    strip = page.locator(".plmwidgets-sequence_strip")
    strip.locator('[data-position="3"]').hover()
    check(page)
    strip.locator('[data-position="6"]').click()
    page.locator('.dist-card[data-card="6"]').wait_for()
    expect(page.locator('.dist-card[data-card="6"]')).to_contain_text(TEXT)
    page.locator('.dist-card[data-card="6"]').hover()
    check(page, views=10)
    fill(page, 64)
    page.mouse.move(*cell_centre(page, 3, 21))
    expect(heatmap(page).locator(".plm-tooltip")).to_contain_text(TEXT)
    page.mouse.click(*cell_centre(page, 3, 21))
    wait_for(page, page.locator(".plmwidgets-joint_table"), "data-pair", "3,21")
    expect(page.locator(".plmwidgets-joint_table")).to_contain_text(TEXT)
    field = strip.get_by_label("Residues to mask")
    field.fill(TEXT)
    field.press("Enter")
    strip.get_by_role("status").filter(has_text=TEXT).wait_for()
    check(page, views=10)
