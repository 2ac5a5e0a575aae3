"""The plot of embeddings on the dev page, in a real headless browser."""

import dev_page
import pytest
from access import NAMELESS, walk_by_tab
from dev_page import expect_trait, settle, trait, wait_for
from layout import overlaps, parts_of
from playwright.sync_api import expect

address, show = dev_page.address, dev_page.show
RESIDUES = "views=embedding_plot,sequence_strip&length=60&masks=0"
SEQUENCES = "views=embedding_plot&state=sequences&masks=0"
# Where a point is drawn: within the margins of the plot, the range 4 % wider than the points.
PLACE = """point => {
  const { x, y } = dev.models.get("embedding_plot").get("points");
  return [x, y].map(({ data, shape }) => {
    const all = Array.from({ length: shape[0] }, (_, k) => data.getFloat32(4 * k, true));
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const room = 0.04 * (high - low);
    return (all[point] - low + room) / (high - low + 2 * room);
  });
}"""
# A point that none lies near.
ALONE = """() => {
  const { x, y } = dev.models.get("embedding_plot").get("points");
  const read = ({ data, shape }) => Array.from(
    { length: shape[0] }, (_, k) => data.getFloat32(4 * k, true));
  const [xs, ys] = [read(x), read(y)];
  const apart = (j, k) => j === k ? 1e9 : Math.hypot(xs[j] - xs[k], ys[j] - ys[k]);
  const far = k => Math.min(...xs.map((_, j) => apart(j, k)));
  return xs.map((_, k) => k).sort((a, b) => far(b) - far(a))[0];
}"""


def view(page):
    return page.locator(".plmwidgets-embedding_plot")


def canvas(page):
    return view(page).locator(".scatter-canvas")


def place(page, point):
    x, y = page.evaluate(PLACE, point)
    canvas(page).scroll_into_view_if_needed()
    box = canvas(page).bounding_box()
    scale = box["width"] / canvas(page).evaluate("canvas => canvas.offsetWidth")
    width, height = box["width"] / scale - 68, 340 - 48
    return box["x"] + scale * (56 + width * x), box["y"] + scale * (8 + height * (1 - y))


@pytest.mark.parametrize("query", ["", "&presenter=1"])
def test_a_residue_is_pointed_at_put_in_focus_and_masked(show, query):
    page = show(RESIDUES + query, 800)
    point = page.evaluate(ALONE)
    page.mouse.move(*place(page, point))
    expect_trait(page, "sequence_strip", "hover", [point])
    label = page.evaluate("dev.toy.labels")[point]
    expect(view(page).locator(".plm-tooltip")).to_have_text(label)
    page.mouse.click(*place(page, point))
    expect_trait(page, "sequence_strip", "selection_state.focus", point)
    expect_trait(page, "sequence_strip", "selection_state.masked", [])
    wait_for(page, canvas(page), "data-focus", str(point))
    page.keyboard.down("Shift")
    page.mouse.click(*place(page, point))
    page.keyboard.up("Shift")
    expect_trait(page, "sequence_strip", "selection_state.masked", [point])
    wait_for(page, canvas(page), "data-masked", str(point))


def test_what_is_pointed_at_elsewhere_is_marked(show):
    page = show(RESIDUES, 800)
    page.locator(".plmwidgets-sequence_strip [data-position='17']").hover()
    wait_for(page, canvas(page), "data-meant", "17")


def test_a_box_masks_the_residues_in_it_and_shift_adds(show):
    page = show(RESIDUES, 800)
    point = page.evaluate(ALONE)
    x, y = place(page, point)
    page.mouse.move(x - 8, y - 8)
    page.mouse.down()
    page.mouse.move(x + 8, y + 8, steps=4)
    page.mouse.up()
    masked = trait_when(page, lambda found: point in found)
    assert len(masked) < 10
    box = canvas(page).bounding_box()
    page.mouse.move(box["x"] + 57, box["y"] + 9)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 14, box["y"] + 298, steps=4)
    page.mouse.up()
    expect_trait(page, "embedding_plot", "selection_state.masked", list(range(60)))
    # A box over nothing takes all masks back.
    page.mouse.move(box["x"] + 57, box["y"] + 9)
    page.mouse.down()
    page.mouse.move(box["x"] + 65, box["y"] + 15, steps=3)
    page.mouse.up()
    expect_trait(page, "embedding_plot", "selection_state.masked", [])
    expect_trait(page, "embedding_plot", "selection_state.focus", None)


def trait_when(page, condition):
    for _ in range(100):
        found = trait(page, "embedding_plot", "selection_state")["masked"]
        if condition(found):
            return found
        settle(page)
    raise AssertionError(found)


def test_residues_are_walked_through_by_keys(show):
    page = show(RESIDUES, 800)
    canvas(page).focus()
    page.keyboard.press("ArrowRight")
    first = int(wait_for_point(page))
    xs = page.evaluate(
        """() => {
          const { data, shape } = dev.models.get("embedding_plot").get("points").x;
          return Array.from({ length: shape[0] }, (_, k) => data.getFloat32(4 * k, true));
        }"""
    )
    assert xs[first] == min(xs)
    page.keyboard.press("Space")
    expect_trait(page, "embedding_plot", "selection_state.masked", [first])
    page.keyboard.press("Enter")
    expect_trait(page, "embedding_plot", "selection_state.focus", first)
    page.keyboard.press("Escape")
    wait_for(page, canvas(page), "data-pointed", "")


def wait_for_point(page):
    page.wait_for_function(
        """() => document.querySelector(".plmwidgets-embedding_plot").shadowRoot
          .querySelector(".scatter-canvas").dataset.pointed !== ''"""
    )
    return canvas(page).get_attribute("data-pointed")


def test_layers_projections_and_colours_are_chosen(show):
    page = show(RESIDUES, 800)
    slider = view(page).get_by_label("Layer")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect_trait(page, "embedding_plot", "layer", 2)
    expect(slider).to_have_attribute("aria-valuetext", "layer 2")
    expect(view(page).get_by_text("toy, layer 2, 60 residues")).to_be_visible()
    view(page).get_by_label("Projection").select_option("umap")
    expect_trait(page, "embedding_plot", "x_label", "UMAP 1")
    view(page).get_by_label("Colour by").select_option("secondary_structure")
    expect(view(page).locator(".embedding-legend")).to_contain_text("helix")
    view(page).get_by_label("Colour by").select_option("position")
    expect(view(page).locator(".embedding-legend")).to_contain_text("Position, from 1")
    point = page.evaluate(ALONE)
    page.mouse.move(*place(page, point))
    expect(view(page).locator(".plm-tooltip")).to_contain_text("Position, from 1: ")


def test_a_sequence_is_named_and_opened(show):
    page = show(SEQUENCES, 600)
    assert view(page).get_attribute("aria-label") == "Embeddings of sequences"
    point = page.evaluate(ALONE)
    page.mouse.move(*place(page, point))
    tooltip = view(page).locator(".plm-tooltip")
    expect(tooltip).to_contain_text(f"sample {point + 1}\nfamily: ")
    page.mouse.click(*place(page, point))
    expect_trait(page, "embedding_plot", "chosen", point)
    wait_for(page, canvas(page), "data-chosen", str(point))
    expect_trait(page, "embedding_plot", "selection_state.focus", None)
    expect(view(page).get_by_label("Layer")).to_be_hidden()


@pytest.mark.parametrize(
    ("state", "words"),
    [("pending", "12 of 90 sequences, 8 s left"), ("empty", "PCA needs at least 2 residues")],
)
def test_what_is_not_there_is_said(show, state, words):
    page = show(f"views=embedding_plot&state={state}", 600)
    expect(view(page).get_by_text(words)).to_be_visible()
    expect(canvas(page)).to_be_hidden()


@pytest.mark.parametrize("width", [320, 700])
@pytest.mark.parametrize("query", ["", "&presenter=1", "&state=sequences"])
def test_nothing_overlaps_at_any_width(show, width, query):
    page = show(f"views=embedding_plot&length=60{query}", width)
    assert overlaps(parts_of(page)) == []


@pytest.mark.parametrize(("query", "count"), [("", 4), ("&state=sequences", 3)])
def test_everything_has_a_name_and_is_reached_by_keys(show, query, count):
    page = show(f"views=embedding_plot&length=60{query}", 700)
    assert view(page).evaluate(NAMELESS) == []
    wanted, reached = walk_by_tab(page, "embedding_plot")["embedding_plot"]
    assert len(wanted) == count
    assert reached == set(wanted)


def test_what_is_shown_meanwhile_does_not_pass_for_what_is_computed(show):
    page = show(RESIDUES)
    expect(view(page)).to_contain_text("layer 3, 60 residues")
    plot = "dev.models.get('embedding_plot')"
    page.evaluate(f"{plot}.receive({{ pending: true, method: 'umap', layer: 1 }})")
    expect(view(page)).to_contain_text("computing UMAP, layer 1")
    expect(view(page)).not_to_contain_text("60 residues")
    page.evaluate(f"{plot}.receive({{ pending: false }})")
    expect(view(page)).to_contain_text("60 residues")
