"""The grid of attention heads on the dev page, in a real headless browser."""

import dev_page
import pytest
from dev_page import expect_trait, wait_for
from layout import overlaps, parts_of
from playwright.sync_api import expect

address, show = dev_page.address, dev_page.show


def grid(page):
    return page.locator(".plmwidgets-attention_grid")


def open_grid(show, query="", width=1000):
    page = show(f"views=attention_grid&length=64{query}", width)
    wait_for(page, grid(page), "data-heads", "24")
    return page


def centre(page, row, head):
    """Return where a head's picture is: cells and gaps as the canvas divides into 6 heads."""
    canvas = grid(page).locator("canvas")
    box = canvas.bounding_box()
    scale = box["width"] / canvas.evaluate("canvas => canvas.offsetWidth")
    step = (box["width"] / scale - 30) / 6
    return box["x"] + scale * (30 + (head + 0.4) * step), box["y"] + scale * (
        18 + (row + 0.4) * step
    )


@pytest.mark.parametrize("query", ["", "&presenter=1", "&theme=dark"])
def test_a_click_chooses_a_head(show, query):
    page = open_grid(show, query)
    page.mouse.click(*centre(page, 1, 4))
    expect_trait(page, "attention_grid", "layer", 1)
    expect_trait(page, "attention_grid", "head", 4)
    wait_for(page, grid(page), "data-chosen", "1,4")
    expect(grid(page).locator("span[role=status]")).to_contain_text("layer 1, head 4, precision")
    page.mouse.move(*centre(page, 2, 0))
    expect(grid(page).locator(".plm-tooltip")).to_contain_text("of its 64 best pairs are contacts")


def test_the_keys_walk_over_the_heads(show):
    page = open_grid(show)
    grid(page).locator("canvas").focus()
    for key in ("ArrowUp", "ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    wait_for(page, grid(page), "data-chosen", "2,1")
    page.keyboard.press("End")
    wait_for(page, grid(page), "data-chosen", "2,5")


def test_the_best_heads_can_be_chosen(show):
    page = open_grid(show)
    buttons = grid(page).get_by_role("button").filter(has_text="layer")
    expect(buttons).to_have_count(5)
    words = buttons.first.inner_text()
    buttons.first.click()
    layer, head = (int(part.split()[-1]) for part in words.split(":")[0].split(","))
    wait_for(page, grid(page), "data-chosen", f"{layer},{head}")
    shares = [int(text.split(":")[1].split()[0]) for text in buttons.all_inner_texts()]
    assert shares == sorted(shares, reverse=True)


def test_it_is_computed_when_somebody_asks(show):
    page = open_grid(show)
    button = grid(page).get_by_role("button", name="Compute")
    expect(button).to_be_hidden()
    grid(page).get_by_label("follow the masks").uncheck()
    expect_trait(page, "attention_grid", "automatic", False)
    page.evaluate("dev.models.get('attention_grid').receive({ stale: true })")
    expect(grid(page)).to_contain_text("These are of other masks")
    button.click()
    page.wait_for_function(
        "dev.models.get('attention_grid').sent.some(({ type }) => type === 'compute')"
    )
    grid(page).get_by_label("What the pictures show").select_option("contacts")
    expect_trait(page, "attention_grid", "show", "contacts")


@pytest.mark.parametrize(
    ("state", "words"),
    [("empty", "No maps yet"), ("error", "ran out of memory")],
)
def test_there_may_be_nothing_to_show(show, state, words):
    page = show(f"views=attention_grid&state={state}", 600)
    expect(grid(page)).to_contain_text(words)
    expect(grid(page).locator("canvas")).to_be_hidden()


@pytest.mark.parametrize("presenter", ["", "&presenter=1"])
@pytest.mark.parametrize("width", [320, 600, 1600])
def test_nothing_overlaps(show, width, presenter):
    page = open_grid(show, presenter, width)
    assert overlaps(parts_of(page)) == []
    page = open_grid(show, f"&two=base%2Blora{presenter}", width)
    choose(page, DIFFERENCE)
    expect(grid(page).locator(".grid-legend")).to_be_visible()
    assert overlaps(parts_of(page)) == []


MODEL, DIFFERENCE = "base+lora", "base+lora \u2212 base"


def choose(page, name):
    grid(page).get_by_label("Whose attention is shown").select_option(name)
    wait_for(page, grid(page), "data-shown", name)


def colour_at(page, row, head):
    """Return the colour in the middle of a picture."""
    canvas, (x, y) = grid(page).locator("canvas"), centre(page, row, head)
    return canvas.evaluate(
        """(canvas, [x, y]) => {
          const box = canvas.getBoundingClientRect();
          const scale = canvas.width / box.width;
          const context = canvas.getContext("2d");
          const at = [scale * (x - box.x), scale * (y - box.y)];
          return [...context.getImageData(...at, 1, 1).data].slice(0, 3);
        }""",
        [x, y],
    )


def test_two_models_and_their_difference_are_chosen(show):
    page = open_grid(show, "&two=base%2Blora")
    control = grid(page).get_by_label("Whose attention is shown")
    assert control.locator("option").all_text_contents() == ["base", MODEL, DIFFERENCE]
    legend, hint = grid(page).locator(".grid-legend"), grid(page).locator(".grid-hint")
    expect(legend).to_be_hidden()
    expect(hint).to_contain_text("each on its own scale")
    before = colour_at(page, 1, 3)
    choose(page, DIFFERENCE)
    expect_trait(page, "attention_grid", "shown", DIFFERENCE)
    expect(legend).to_have_text("\u22120.0714+0.0714difference of weights, 0 in the middle")
    expect(hint).to_contain_text("all on one scale")
    # Every other head is as in the base: its picture is the middle of the scale, nearly white.
    assert min(colour_at(page, 1, 2)) > 230
    assert min(colour_at(page, 1, 3)) < 200 and colour_at(page, 1, 3) != before
    assert "Difference of the attention" in grid(page).locator("canvas").evaluate(
        "c => c.ariaLabel"
    )
    expect(grid(page).get_by_text("Best at finding contacts")).to_be_hidden()
    choose(page, MODEL)
    expect(legend).to_be_hidden()
    page.wait_for_function("dev.models.get('attention_grid').get('limit') === null")
    assert colour_at(page, 1, 3) == before


def test_without_a_second_model_there_is_no_choice(show):
    page = open_grid(show)
    expect(grid(page).get_by_label("Whose attention is shown")).to_be_hidden()


def test_it_says_why_there_is_no_difference(show):
    page = open_grid(show, "&two=base%2Blora", 600)
    page.evaluate(
        """dev.models.get('attention_grid').receive({ pictures: null, precision: null, limit: null,
             notice: 'There is no difference head by head: one has 3 layers.' })"""
    )
    expect(grid(page).locator(".grid-hint")).to_have_text(
        "There is no difference head by head: one has 3 layers."
    )
    expect(grid(page).locator("canvas")).to_be_hidden()
    expect(grid(page).get_by_label("Whose attention is shown")).to_be_visible()


def test_hundreds_of_heads_are_drawn_and_reached(show):
    page = open_grid(show, width=600)
    page.evaluate(
        """() => {
          const [rows, heads, side] = [33, 20, 48];
          const data = new Uint8Array(rows * heads * side * side).map((_, k) => k % 251);
          const precision = Float32Array.from({ length: rows * heads }, (_, k) => k / 1000);
          dev.models.get("attention_grid").receive({
            layers: Array.from({ length: rows }, (_, k) => k), heads,
            pictures: { dtype: "uint8", shape: [rows, heads, side, side],
                        data: new DataView(data.buffer) },
            precision: { dtype: "float32", shape: [rows, heads],
                         data: new DataView(precision.buffer) },
          });
        }"""
    )
    wait_for(page, grid(page), "data-heads", "660")
    grid(page).locator("canvas").focus()
    for _ in range(29):
        page.keyboard.press("ArrowDown")
    wait_for(page, grid(page), "data-chosen", "32,0")
    stage = grid(page).locator(".grid-stage")
    assert stage.evaluate("e => e.scrollTop + e.clientHeight >= e.scrollHeight - 40")
