"""Two notebooks in one JupyterLab that share one model on Ray."""

import re

from gestures import button, wait_for_status
from playwright.sync_api import expect
from serving import Serve

CELL = """
import plmwidgets as plm
model = plm.load_model("demo", backend="ray")
explorer = plm.Explorer(plm.Protein.demo(), model)
explorer
"""
CROWD = """
from plmwidgets.cluster.ray_link import RayLink
from plmwidgets.cluster.work import Predictions
from plmwidgets.models.masked_lm import Context
from plmwidgets.service import Priority

def crowd():  # four other notebooks
    return [RayLink("demo") for _ in range(4)]

def click(links):
    contexts = [Context.of(explorer.protein.sequence, {20 + k}) for k in range(len(links))]
    works = [Predictions([context], None, None) for context in contexts]
    return [link.ask(work, Priority.INTERACTIVE) for link, work in zip(links, works)]
"""
LOADED = "[m for m in __import__('sys').modules if m == 'plmwidgets.models.pretrained']"


def test_two_notebooks_share_a_model(own_ray, tmp_path, notebook):
    served = Serve(tmp_path, "--model", "demo", "--cpus", "1")
    try:
        served.wait_for("Ctrl-C ends it")
        # The server of the notebooks may be older than this cluster.
        cell = f"import os\nos.environ.update({own_ray!r})\n{CROWD}{CELL}"
        books = [notebook(cell, name=f"{name}.ipynb") for name in ("one", "other")]
        for book in books:
            book.run_all()
        for book in books:
            book.wait_for_view("distributions")
            book.wait_until(lambda book=book: book.python("explorer.live.prediction is not None"))
        # One scans, and the other is answered meanwhile.
        button(books[0], "Start").click()
        books[1].python("setattr(explorer.selection, 'masked', {3, 9})")
        books[1].wait_until(
            lambda: books[1].python("list(explorer.live.prediction.context.masked) == [3, 9]")
        )
        wait_for_status(books[0], "finished")
        for book in books:
            assert book.python(LOADED) == [], "a notebook loaded the model itself"
            book.screenshot(f"shared-{book.name}")
        (replica,) = served.actors("Replica")
        # What waits behind others says so.
        books[0].python("globals().update(others=crowd())")
        replica.suspend()
        try:
            books[0].python("globals().update(asked=click(others))")
            books[1].python("setattr(explorer.selection, 'masked', {5, 6, 7})")
            notice = books[1].page.locator(".plmwidgets-distributions .plm-remark")
            expect(notice).to_have_text(re.compile("^[1-4] requests? of other notebooks ahead$"))
            books[1].screenshot("shared-queue", books[1].view("distributions"))
        finally:
            replica.resume()
        expect(notice).to_be_hidden(timeout=30_000)
        assert books[1].python("sorted(explorer.selection.masked)") == [5, 6, 7]
    finally:
        served.end()
