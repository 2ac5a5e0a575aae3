"""Pictures of every view in every state, into gallery/: open gallery/index.html and look.

Without an argument all of them; with ``dev`` only the views on the dev page, with ``lab`` only the
Explorers in JupyterLab.
"""

import html
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT / "scripts" / "demo_family")]

from conftest import FLAGS, find_browser  # noqa: E402
from dev_page import serve  # noqa: E402
from gallery_lab import lab_pictures  # noqa: E402
from made_up import made_up_protein  # noqa: E402

OUTPUT = ROOT / "gallery"
ALL = (
    "sequence_strip,scan_panel,pair_heatmap,structure_view,distributions,joint_table,"
    "jacobian_table,attention_grid,pair_table,mutation_heatmap,scatter_plot,recovery_view,"
    "corruption_view,residue_quiz,unmasking_player,embedding_plot,training_curve"
)
NARROW, WIDE = 600, 1600
LENGTHS = (10, 76, 363, 1000)
Shoot = Callable[[str, Page], None]


def dev_pages() -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield what to show on the dev page: name, width, options."""
    for theme in ("light", "dark"):
        for width in (NARROW, WIDE):
            for length in LENGTHS:
                options = {"theme": theme, "length": length, "status": "running"}
                yield f"{theme}-{width}-L{length}", width, {**options, "pair": True}
            presented = {"theme": theme, "length": 76, "presenter": 1, "status": "finished"}
            yield f"{theme}-{width}-presenter", width, {**presented, "pair": True}
            yield (
                f"{theme}-{width}-nothing-yet",
                width,
                {"theme": theme, "masks": 0, "structure": False, "unscanned": True},
            )
    for status in ("paused", "finished", "cancelled", "failed"):
        yield f"scan-{status}-{NARROW}", NARROW, {"status": status}
    for state in ("pending", "empty", "estimated", "error"):
        yield f"state-{state}-{NARROW}", NARROW, {"state": state, "status": "running"}
    yield f"unanswered-{NARROW}", NARROW, {"delay": -1, "click": True, "status": "running"}
    for width in (NARROW, WIDE):
        yield f"many-masks-{width}", width, {"masks": 40, "length": 363, "profile": "logo"}
        own = {"state": "own", "masks": 0, "views": "pair_heatmap,pair_table"}
        yield f"own-maps-{width}", width, own
        models = {"models": "8M,35M,150M", "status": "finished", "views": "pair_heatmap"}
        yield f"models-{width}", width, {**models, "both": True}
        for theme in ("light", "dark"):
            sequences = {"theme": theme, "views": "embedding_plot", "state": "sequences"}
            yield f"sequences-{theme}-{width}", width, {**sequences, "structure": False}
            yield (
                f"mutations-{theme}-{width}",
                width,
                {"theme": theme, "views": "mutation_heatmap,scatter_plot", "structure": False},
            )


def dev_pictures(browser: Browser, shoot: Shoot) -> None:
    """Take the pictures of the dev page."""
    structures: dict[int, str] = {}
    with serve() as address:
        for name, width, options in dev_pages():
            told = {"views": ALL, "masks": 2, "length": 64, "status": "ready", **options}
            query = "&".join(f"{key}={value}" for key, value in told.items())
            page = browser.new_page(viewport={"width": width + 32, "height": 1000})
            page.goto(f"{address}/?reload=0&width={width}&{query}")
            count = len(told["views"].split(","))
            page.wait_for_function(
                "n => document.querySelectorAll('[data-frames]').length === n", arg=count
            )
            length = int(told["length"])
            if count > 1 and told.get("structure", True):
                if length not in structures:
                    protein = made_up_protein(page.evaluate("dev.toy.sequence"))
                    structures[length] = protein.structure.to_cif()
                draw_structure(page, structures[length], length)
            prepare(page, told)
            shoot(name, page)
            page.close()


def draw_structure(page: Page, text: str, length: int) -> None:
    """Give the page its structure, and wait until it is drawn."""
    pairs = [[k, min(k + 3 + k % 9, length - 1), k % 3 != 0] for k in range(0, length - 4, 5)]
    page.evaluate(
        "given => dev.models.get('structure_view').receive(given)",
        {"structure": text, "top_k_max": 50, "pairs": pairs[:12]},
    )
    page.locator("[data-structure-ready]").wait_for(timeout=60_000)


def prepare(page: Page, told: dict[str, Any]) -> None:
    """Bring a page into the state of its picture."""
    strip = page.locator(".plmwidgets-sequence_strip")
    if told.get("pair"):
        page.evaluate(
            """() => {
              const model = dev.models.get("pair_heatmap");
              const state = { ...model.get("selection_state") };
              Object.assign(state, { masked: [2, 6], pair: [2, 6], focus: 2, clock: 9 });
              model.send({ type: "select", state });
            }"""
        )
        page.locator(".plmwidgets-joint_table[data-pair='2,6']").wait_for()
        page.locator(".plmwidgets-jacobian_table[data-pair='2,6']").wait_for()
        page.locator(".plmwidgets-distributions[data-context='2,6']").wait_for()
        page.locator(".structure-chip-pair", has_text="Å").wait_for()
    if told.get("unscanned"):
        page.evaluate("dev.scanAt('ready', 0)")
        page.get_by_text("No pairs yet").wait_for()
    if told.get("click"):
        strip.locator('[data-position="3"]').click()
        strip.get_by_text("No answer").wait_for()
    if told.get("both"):
        page.locator("[data-control=lower]").select_option("js_div")
        page.locator("[data-control=lower-model]").select_option("35M")
    if "profile" in told:
        page.get_by_label("Drawing of the whole protein").select_option(told["profile"])
        page.locator(f"[data-profile={told['profile']}]").wait_for()
    page.evaluate("() => document.fonts.ready")
    for _ in range(3):  # frames: what is coalesced is drawn, then what follows from it
        page.evaluate("() => new Promise(requestAnimationFrame)")


@contextmanager
def photographer() -> Iterator[Shoot]:
    """Write pictures, and at the end a page that shows them all."""
    OUTPUT.mkdir(exist_ok=True)

    def shoot(name: str, page: Page) -> None:
        page.screenshot(path=OUTPUT / f"{name}.png", full_page=True)

    try:
        yield shoot
    finally:
        names = sorted(path.stem for path in OUTPUT.glob("*.png"))  # of the other part as well
        figures = "\n".join(
            f'<figure><figcaption>{html.escape(name)}</figcaption><a href="{name}.png">'
            f'<img src="{name}.png" alt="{html.escape(name)}"></a></figure>'
            for name in names
        )
        (OUTPUT / "index.html").write_text(
            '<!doctype html><meta charset="utf-8"><title>Gallery</title><style>'
            "body{font:14px sans-serif;display:flex;flex-wrap:wrap;gap:16px;background:#888}"
            "figure{margin:0}img{height:640px}</style>" + figures
        )
        print(f"{len(names)} pictures: {OUTPUT / 'index.html'}")


def main() -> None:
    """Take all pictures, or those of one part."""
    part = sys.argv[1] if len(sys.argv) > 1 else ""
    if part not in ("", "dev", "lab"):
        sys.exit(f"there is no part {part!r}: dev, lab, or none for both")
    began = time.monotonic()
    with sync_playwright() as playwright, photographer() as shoot:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        if part != "lab":
            dev_pictures(browser, shoot)
        if part != "dev":
            lab_pictures(browser, shoot)
        browser.close()
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
